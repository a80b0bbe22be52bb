// SPDX-License-Identifier: BSD-3-Clause
// Which addresses and ports are probed, as a map of bounded size.

import { brief, count, shape } from "./dom.js";

const DOWN = 24; // rows, of ports
const ACROSS = 64; // columns, of addresses
const CELL = 17;

/** A number to sort addresses by: IPv4 before IPv6. */
function order(address) {
  if (!address.includes(":"))
    return address.split(".").reduce((all, part) => all * 256n + BigInt(part), 0n);
  const [head, tail] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array(zeros).fill("0"), ...(tail ?? [])];
  return groups.reduce((all, group) => all * 65536n + BigInt(`0x${group}`), 1n);
}

/** Consecutive values of one kind in bins, `most` at best: [{first, last}], and each one's bin. */
function bins(values, most, kind) {
  const each = Math.ceil(values.length / most);
  const made = [];
  const of = new Map();
  let size = 0;
  values.forEach((value) => {
    if (size === each || size === 0 || kind(made.at(-1).first) !== kind(value)) {
      made.push({ first: value, last: value });
      size = 0;
    }
    size += 1;
    made.at(-1).last = value;
    of.set(value, made.length - 1);
  });
  return { made, of };
}

const unique = (values) => [...new Set(values)];
const family = (address) => (address.includes(":") ? 6 : 4);

/** What goes for a port: TCP's is the number alone. */
export function portName(row) {
  const names = { 1: "icmp", 6: "", 17: "udp ", 58: "icmp6" };
  const name = names[row.protocol] ?? `protocol ${row.protocol}`;
  return row.protocol === 6 || row.protocol === 17 ? `${name}${row.port}` : name;
}

const label = ({ first, last }, name) =>
  first === last ? name(first) : `${name(first)} – ${name(last)}`;

/** How much of all addresses of a family is the same, up to a dot or colon. */
function shared(addresses) {
  let common = addresses[0];
  for (const address of addresses)
    while (!address.startsWith(common)) common = common.slice(0, -1);
  return Math.max(common.lastIndexOf("."), common.lastIndexOf(":")) + 1;
}

/** `rows`: [{address, protocol, port, probes}]. */
export function heatMap(rows) {
  const addresses = unique(rows.map((r) => r.address))
    .map((address) => ({ address, order: order(address) }))
    .sort((a, b) => family(a.address) - family(b.address) || (a.order < b.order ? -1 : 1))
    .map((a) => a.address);
  const key = (r) => r.protocol * 65536 + r.port;
  const nameOf = (k) => portName({ protocol: Math.floor(k / 65536), port: k % 65536 });
  const ports = unique(rows.map(key)).sort((a, b) => a - b);
  const across = bins(addresses, ACROSS, family);
  const down = bins(ports, DOWN, (k) => Math.floor(k / 65536));

  const cells = new Map();
  for (const r of rows) {
    const at = down.of.get(key(r)) * addresses.length + across.of.get(r.address);
    cells.set(at, (cells.get(at) ?? 0) + r.probes);
  }
  const most = Math.max(1, ...cells.values());

  const cut = {};
  for (const f of [4, 6]) {
    const those = addresses.filter((a) => family(a) === f);
    cut[f] = those.length > 1 ? shared(those) : 0;
  }
  const short = (a) => a.slice(Math.max(0, cut[family(a)] - 1));
  const heads = [4, 6].filter((f) => cut[f] > 0)
    .map((f) => addresses.find((a) => family(a) === f).slice(0, cut[f] - 1));
  const names = [...heads, ...down.made.map((b) => label(b, nameOf))];
  const left = 14 + 6.5 * Math.max(...names.map((name) => name.length));
  const top = 10 + 6.5 * Math.max(...across.made.map((b) => short(b.first).length));
  const width = left + CELL * across.made.length + 4;
  const height = top + CELL * down.made.length + 4;
  const svg = shape("svg", {
    class: "map", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Probes of ${count(addresses.length)} addresses at ${count(ports.length)} ports; ` +
      `the most in one cell: ${brief(most)}`,
  });
  heads.forEach((name, i) => svg.append(shape(
    "text", { x: left - 7, y: top - 6 - 14 * (heads.length - 1 - i), "text-anchor": "end" }, name)));
  across.made.forEach((bin, column) => {
    const x = left + CELL * column + CELL / 2 + 3;
    svg.append(shape("text", { x, y: top - 5, transform: `rotate(-90 ${x} ${top - 5})` },
                     short(bin.first)));
  });
  down.made.forEach((port, row) => {
    const y = top + CELL * row;
    svg.append(shape("text", { x: left - 7, y: y + CELL / 2 + 3, "text-anchor": "end" },
                     label(port, nameOf)));
    across.made.forEach((bin, column) => {
      const probes = cells.get(row * addresses.length + column) ?? 0;
      const place = { x: left + CELL * column, y, width: CELL - 2, height: CELL - 2, rx: 3 };
      svg.append(shape("rect", { ...place, class: "ground" }));
      if (probes === 0) return;
      const strength = 0.15 + 0.85 * (Math.log1p(probes) / Math.log1p(most));
      svg.append(shape("rect", { ...place, "fill-opacity": strength.toFixed(2) },
                       shape("title", {}, `${label(bin, String)}, port ${label(port, nameOf)}: ` +
                             `${count(probes)} probes`)));
    });
  });
  return svg;
}

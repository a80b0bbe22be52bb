// SPDX-License-Identifier: BSD-3-Clause
// The parts of the page.

import { brief, byId, count, duration, element, fillTable, percent, time } from "./dom.js";
import { legend, sparkline, stack } from "./chart.js";
import { heatMap, portName } from "./heat.js";

const FATES = [
  { key: "pass", label: "forwarded" },
  { key: "reply", label: "answered or absorbed by the box" },
  { key: "coin", label: "dropped by the coin" },
  { key: "drop", label: "dropped otherwise" },
];

function tile(name, value, unit, values) {
  return element("div", { class: "tile" }, element("h2", {}, name),
                 element("p", {}, value, " ", element("small", {}, unit)), sparkline(values));
}

const gauges = { connections: [], sources: [] };

function note(values, value) {
  values.push(value);
  if (values.length > 120) values.shift();
  return values;
}

function tiles(live, rates) {
  const of = (pick) => rates.history.map(pick);
  const rate = (name, pick) =>
    tile(name, rates.last === null ? "–" : brief(pick(rates.last)), "a second", of(pick));
  const table = (name) => live.tables.find((t) => t.name === name)?.entries ?? 0;
  const connections = table("connections_ipv4") + table("connections_ipv6");
  byId("tiles").replaceChildren(
    rate("From outside", (r) => r.counters.received_outside),
    rate("From inside", (r) => r.counters.received_inside),
    rate("Dropped", (r) => r.fates.coin + r.fates.drop),
    rate("Forged", (r) => r.counters.made_outside),
    tile("Connections", brief(connections), "now", note(gauges.connections, connections)),
    tile("Distrusted sources", brief(table("sources")), "now",
         note(gauges.sources, table("sources"))),
  );
}

function verdicts(rates) {
  const last = rates.last?.fates ?? null;
  const say = last === null ? "Nothing yet" :
    FATES.map((f) => `${f.label}: ${brief(last[f.key])} a second`).join("; ");
  byId("verdicts").replaceChildren(stack(FATES, rates.history.map((r) => r.fates), say),
                                   legend(FATES, last));
}

function reasons(live, rates) {
  const rows = rates.kinds
    .map((kind) => ({
      ...kind,
      total: live.groups.reasons[kind.key] ?? 0,
      rate: rates.last?.reasons[kind.key] ?? 0,
    }))
    .filter((r) => r.total > 0)
    .sort((a, b) => b.rate - a.rate || b.total - a.total);
  fillTable("reasons", rows.map((r) => element(
    "tr", {},
    element("td", {}, r.name, element("div", { class: "cause" }, `${r.cause}. ${r.remedy}.`)),
    element("td", { class: "n" }, brief(r.rate)),
    element("td", { class: "n" }, count(r.total)),
  )), "Nothing has ended here yet");
}

/** May be broken behind colons. */
function address(text) {
  const parts = text.split(/(?<=:)/);
  const cell = element("td", { class: "address" }, parts[0]);
  for (const part of parts.slice(1)) cell.append(element("wbr"), part);
  return cell;
}

function badge(source) {
  if (source.level === 0) return element("span", { class: "badge neutral" }, "untrusted");
  if (source.level === 1) return element("span", { class: "badge full" }, "distrusted");
  return element("span", { class: "badge partial" }, `${percent(source.divert)} diverted`);
}

/** "12 distrusted, 3 at 75 %". */
function levels(live) {
  const { levels: shares } = live.policy;
  return live.levels
    .map((n, i) => [n, i === 0 ? "distrusted" : `at ${percent(shares[i])}`])
    .filter(([n]) => n > 0)
    .map(([n, name]) => `${count(n)} ${name}`)
    .join(", ");
}

function sources(live) {
  byId("levels").textContent = levels(live);
  fillTable("sources", live.sources.slice(0, 20).map((s) => element(
    "tr", {},
    address(s.address),
    element("td", { class: "n" }, count(s.probes)),
    element("td", {}, badge(s), s.level > 0 && !s.proven ? " unproven" : ""),
    element("td", { class: "n wraps" }, s.level === 0 ? "–" : duration(s.forgiven)),
  )), "Nobody has probed yet");
}

function map(live) {
  const none = element("p", { class: "none" }, "Nothing has been probed yet");
  byId("map").replaceChildren(live.probed.length === 0 ? none : heatMap(live.probed));
  fillTable("probed", live.probed.slice(0, 20).map((p) => element(
    "tr", {},
    address(p.address),
    element("td", {}, portName(p)),
    element("td", { class: "n" }, count(p.probes)),
  )), "Nothing has been probed yet");
}

function bar(name, share, note) {
  const filled = element("i", share > 0.9 ? { class: "high" } : {});
  filled.style.width = `${Math.min(100, 100 * share)}%`;
  return element("div", { class: "row" },
                 element("div", {}, element("b", {}, name), element("span", {}, note)),
                 element("div", { class: "bar", "aria-hidden": "true" }, filled));
}

function tables(live) {
  byId("tables").replaceChildren(...live.tables.map((t) => bar(
    t.name.replace("_ipv4", ", IPv4").replace("_ipv6", ", IPv6"),
    t.entries / t.capacity,
    `${count(t.entries)} of ${count(t.capacity)} (${percent(t.entries / t.capacity)})`,
  )));
}

/** Where the bucket ends that `share` of them lie in or below, in words; the last has no end. */
export function within(buckets, share) {
  const all = buckets.reduce((sum, n) => sum + n, 0);
  const end = (i) => time(2 ** (i + 8));
  let below = 0;
  for (const [i, n] of buckets.entries()) {
    below += n;
    if (below >= share * all)
      return i + 1 < buckets.length ? `within ${end(i)}` : `in more than ${end(i - 1)}`;
  }
  return "";
}

function workers(live, rates) {
  byId("workers").replaceChildren(...live.workers.map((worker, i) => {
    if (!worker.answers) return bar(`worker ${i}`, 1, "does not answer");
    const now = rates.last?.workers[i] ?? null;
    if (now === null) return bar(`worker ${i}`, 0, "–");
    return bar(`worker ${i}`, now.load, now.bursts === 0 ? "idle" :
      `${percent(now.load)} · ${brief(now.bursts)} bursts a second, 99 of 100 ` +
      within(now.buckets, 0.99));
  }));
}

export function show(live, rates) {
  tiles(live, rates);
  verdicts(rates);
  reasons(live, rates);
  sources(live);
  map(live);
  tables(live);
  workers(live, rates);
}

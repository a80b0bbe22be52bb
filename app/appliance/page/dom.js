// SPDX-License-Identifier: BSD-3-Clause
// Elements and numbers. Whatever comes from the network becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Replaces the rows of a table; `empty` is said when there are none. */
export function fillTable(id, rows, empty) {
  const body = byId(id).tBodies[0];
  if (rows.length === 0) {
    const columns = byId(id).tHead.rows[0].cells.length;
    rows = [element("tr", {}, element("td", { colspan: columns, class: "none" }, empty))];
  }
  body.replaceChildren(...rows);
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const count = (value) => whole.format(value);

/** A number of at most six characters. */
export function brief(value) {
  if (value >= 10000) return short.format(value);
  if (value >= 10 || Number.isInteger(value)) return whole.format(value);
  return value.toFixed(1);
}

export function percent(share) {
  if (share === 0) return "0 %";
  if (share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** "2 d 3 h", "4 min 5 s": the two largest units. */
export function duration(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.ceil(seconds);
  const parts = [];
  for (const [unit, size] of units) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n > 0 || (unit === "s" && parts.length === 0)) parts.push(`${n} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** Nanoseconds, as people say them. */
export function time(ns) {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(ns < 1e4 ? 1 : 0)} µs`;
  return `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms`;
}

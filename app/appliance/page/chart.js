// SPDX-License-Identifier: BSD-3-Clause
// Lines and areas over the last two minutes.

import { HISTORY } from "./rates.js";
import { brief, element, shape } from "./dom.js";

/** The least of 1, 2, 5, 10, ... that is no less. */
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/** A line without axes; the newest value stands right. */
export function sparkline(values) {
  const most = Math.max(1, ...values);
  const points = values
    .map((v, i) => `${HISTORY - values.length + i},${(28 - (26 * v) / most).toFixed(1)}`)
    .join(" ");
  return shape(
    "svg",
    { viewBox: `0 0 ${HISTORY - 1} 30`, preserveAspectRatio: "none", "aria-hidden": "true" },
    shape("polyline", { points, class: "spark", "vector-effect": "non-scaling-stroke" }),
  );
}

const WIDTH = 1000;
const HEIGHT = 180;

/** Areas on each other. `series`: [{key, label}], `rows`: [{key: value}], oldest first. */
export function stack(series, rows, describe) {
  const total = (row) => series.reduce((all, s) => all + row[s.key], 0);
  const most = roundUp(Math.max(1, ...rows.map(total)));
  const x = (i) => (WIDTH * (HISTORY - rows.length + i)) / (HISTORY - 1);
  const y = (value) => HEIGHT - 8 - ((HEIGHT - 20) * value) / most;
  const svg = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "chart", role: "img",
    "aria-label": describe,
  });
  let floor = rows.map(() => 0);
  for (const s of series) {
    const ceiling = rows.map((row, i) => floor[i] + row[s.key]);
    const there = ceiling.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`);
    const back = floor.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).reverse();
    if (rows.length > 1)
      svg.append(shape("polygon", { points: [...there, ...back].join(" "), class: s.key }));
    floor = ceiling;
  }
  const marks = [0, most / 2, most].map((value) => {
    svg.append(shape("line", {
      x1: 0, x2: WIDTH, y1: y(value), y2: y(value), "vector-effect": "non-scaling-stroke",
    }));
    const mark = element("span", {}, brief(value));
    mark.style.top = `${y(value)}px`;
    return mark;
  });
  return element("div", { class: "axes" }, svg, ...marks);
}

export function legend(series, row) {
  return element("ul", { class: "legend" }, ...series.map((s) => element(
    "li", {}, element("span", { class: `swatch ${s.key}` }), s.label,
    element("b", {}, row === null ? "–" : brief(row[s.key])),
  )));
}

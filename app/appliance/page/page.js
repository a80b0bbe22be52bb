// SPDX-License-Identifier: BSD-3-Clause
// Asks the box once a second, and shows what it says.

import { Rates } from "./rates.js";
import { byId, duration, element } from "./dom.js";
import { show } from "./show.js";

const PERIOD = 1000;
const PATIENCE = 5000;

let rates = null;
let paused = false;
let turns = 0;
let timer = null;

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function state(name, text) {
  const at = byId("state");
  if (at.textContent === text) return;
  at.className = `state ${name}`;
  at.textContent = text;
}

function facts(live) {
  const watches = live.policy.mode === "monitor" ? "MONITOR: every frame passes · " : "";
  const mode = live.policy.admission === "handshake" ? "the box answers first" : "hosts answer";
  byId("facts").textContent =
    `${watches}up ${duration(live.uptime)} · ${live.workers.length} ` +
    `${live.workers.length === 1 ? "worker" : "workers"} · ${mode} · ` +
    `coin ${live.policy.drop}` +
    live.ports.map((p, i) => (p.up ? "" : ` · no link ${i === 0 ? "outside" : "inside"}`)).join("");
  byId("remarks").hidden = live.remarks.length === 0;
  byId("remarks-list").replaceChildren(...live.remarks.map((r) => element("li", {}, r)));
  byId("version").textContent = `MitiBox ${live.version}`;
}

/** `wanted`: whether what comes is still to be shown. */
async function look(wanted) {
  try {
    if (rates === null) {
      const reasons = await get("api/reasons");
      for (const reason of reasons) reason.key = reason.name.replaceAll("-", "_");
      rates ??= new Rates(reasons);
    }
    const live = await get("api/live");
    if (!wanted()) return;
    if (rates.take(live)) {
      facts(live);
      show(live, rates);
    }
    state("live", "live");
  } catch (error) {
    console.debug(error);
    if (wanted()) state("lost", "the box does not answer");
  }
}

/** One at a time: a pause, or another turn, ends what is still under way. */
async function turn() {
  const mine = ++turns;
  clearTimeout(timer);
  await look(() => mine === turns);
  if (mine === turns && !document.hidden) timer = setTimeout(turn, PERIOD);
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  byId("pause").textContent = paused ? "Go on" : "Pause";
  clearTimeout(timer);
  if (!paused) return void turn();
  ++turns;
  state("", "paused");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused) turn();
});
turn();

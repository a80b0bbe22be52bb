// SPDX-License-Identifier: BSD-3-Clause
// The live page without a browser. Argument: the folder of its parts.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** A copy of the page, some parts of it replaced: gives what imports one. */
function copy(parts = {}) {
  const folder = mkdtempSync(join(tmpdir(), "mitibox-page-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  cpSync(process.argv[2], folder, { recursive: true });
  for (const [name, text] of Object.entries({ "package.json": '{"type": "module"}', ...parts }))
    writeFileSync(join(folder, name), text);
  return (name) => import(pathToFileURL(join(folder, name)));
}
const load = copy();

const live = (moment, run = 1, received = 0) => ({
  at: 1, moment, run, uptime: 5, remarks: [], ports: [], version: "1",
  policy: { admission: "forward", drop: 0.5 },
  groups: { counters: { forwarded_outside: received }, reasons: {} },
  workers: [],
});

async function rates() {
  const { Rates } = await load("rates.js");
  const r = new Rates([]);
  assert.ok(r.take(live(10, 1, 100)));
  // Its wall clock says the same all the time, or less.
  assert.ok(r.take({ ...live(12, 1, 120), at: 0 }));
  assert.equal(r.last.seconds, 2);
  assert.equal(r.last.counters.forwarded_outside, 10);
  assert.ok(!r.take(live(12, 1, 120)), "the same look again");
  // Another process that has been up for longer than the last look at its predecessor.
  assert.ok(r.take({ ...live(13, 2, 7), uptime: 9 }));
  assert.equal(r.last, null, "nothing to compare with");
  assert.ok(r.take(live(14, 2, 8)));
  assert.equal(r.last.counters.forwarded_outside, 1);
  // The machine has booted: its clocks begin again.
  assert.ok(r.take(live(1, 3, 0)));
  assert.equal(r.last, null);
}

async function within() {
  const { within } = await load("show.js");
  const buckets = new Array(20).fill(0);
  buckets[0] = 98;
  buckets[1] = 2;
  assert.match(within(buckets, 0.5), /^within /);
  assert.equal(within(buckets, 0.99), within([0, 1, 0], 0.99));
  buckets[19] = 50;
  assert.match(within(buckets, 0.99), /^in more than /);
  assert.equal(within(buckets, 0.99).slice(13), within(buckets.map((_, i) => +(i === 18)), 1).slice(7));
}

/** Clicks on Pause while the box is being asked. */
async function pause() {
  const load = copy({ "show.js": "export function show() { globalThis.shown += 1; }" });
  globalThis.shown = 0;
  const parts = {};
  const part = () => ({ textContent: "", addEventListener(_, f) { this.click = f; },
                        setAttribute() {}, replaceChildren() {} });
  globalThis.document = { hidden: false, addEventListener() {},
                          getElementById: (id) => parts[id] ??= part() };
  const asked = [];
  globalThis.fetch = (path) => new Promise((done) => asked.push({ path, done }));
  const timers = new Set();
  globalThis.setTimeout = (f) => { timers.add(f); return f; };
  globalThis.clearTimeout = (f) => timers.delete(f);
  const settle = () => new Promise((done) => setImmediate(done));
  let moment = 0;
  const answer = async () => {
    const { path, done } = asked.shift();
    const body = path === "api/live" ? live(++moment) : [];
    done({ ok: true, json: async () => body });
    await settle();
  };
  await load("page.js");
  await answer();
  await answer();
  assert.equal(parts.state.textContent, "live");
  assert.equal(shown, 1);
  assert.equal(timers.size, 1);

  const turn = [...timers][0];
  timers.clear();
  turn();
  await settle();
  parts.pause.click();
  assert.equal(parts.state.textContent, "paused");
  await answer();
  assert.equal(parts.state.textContent, "paused", "what was under way says nothing more");
  assert.equal(shown, 1);
  assert.equal(timers.size, 0);

  // On, off and on again before the box has answered: one turn goes on.
  parts.pause.click();
  parts.pause.click();
  parts.pause.click();
  await settle();
  while (asked.length > 0) await answer();
  assert.equal(parts.state.textContent, "live");
  assert.equal(shown, 2);
  assert.equal(timers.size, 1);
}

await rates();
await within();
await pause();

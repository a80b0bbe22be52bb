// SPDX-License-Identifier: BSD-3-Clause
// What happened between two looks at the counters, a second.

export const HISTORY = 120;

const sum = (group, names) => names.reduce((all, name) => all + (group[name] ?? 0), 0);

/** Frames by what becomes of them; together they are all that is received. */
function fates(live, kinds) {
  const { counters, reasons } = live.groups;
  const coin = sum(reasons, ["coin", "coin_repeat"]);
  const of = (kind) => sum(reasons, kinds.filter((k) => k.kind === kind).map((k) => k.key));
  return {
    pass: sum(counters, ["forwarded_outside", "forwarded_inside"]),
    reply: of("consume"),
    coin,
    drop: of("drop") - coin + sum(counters, ["refused_outside", "refused_inside"]),
  };
}

function minus(after, before, seconds) {
  const out = {};
  for (const key of Object.keys(after))
    out[key] = Math.max(0, after[key] - (before[key] ?? 0)) / seconds;
  return out;
}

export class Rates {
  constructor(kinds) {
    this.kinds = kinds;
    this.forget();
  }

  forget() {
    this.before = null;
    this.history = [];
  }

  /** Takes a look in; whether there is something new to show. */
  take(live) {
    if (this.before !== null && live.run !== this.before.run) this.forget();  // another process
    // The wall clock may be set back, this one is not.
    if (this.before !== null && live.moment <= this.before.moment) return false;
    const look = {
      moment: live.moment,
      run: live.run,
      counters: live.groups.counters,
      reasons: live.groups.reasons,
      fates: fates(live, this.kinds),
      workers: live.workers,
    };
    if (this.before !== null) this.history.push(this.between(this.before, look));
    if (this.history.length > HISTORY) this.history.shift();
    this.before = look;
    return true;
  }

  between(before, after) {
    const seconds = after.moment - before.moment;
    return {
      seconds,
      counters: minus(after.counters, before.counters, seconds),
      reasons: minus(after.reasons, before.reasons, seconds),
      fates: minus(after.fates, before.fates, seconds),
      workers: after.workers.map((worker, i) => {
        const old = before.workers[i];
        if (!worker.answers || !old?.answers) return null;
        return {
          load: Math.min(1, (worker.busy_ns - old.busy_ns) / 1e9 / seconds),
          bursts: (worker.busy_polls - old.busy_polls) / seconds,
          buckets: worker.buckets.map((n, b) => n - old.buckets[b]),
        };
      }),
    };
  }

  get last() {
    return this.history.at(-1) ?? null;
  }
}

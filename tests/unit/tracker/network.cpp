// SPDX-License-Identifier: BSD-3-Clause
#include "network.hpp"

namespace mitibox::test {

void Network::put(const Segment& s, bool behind_box) {
  if (lose && lose(s, behind_box)) return;
  std::uniform_real_distribution<double> share(0, 1);
  if (share(random_) < links_.loss) return;
  const int copies = share(random_) < links_.repeat ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const auto extra =
        std::uniform_int_distribution<long>(0, links_.jitter.count() * 1000)(random_);
    events_.push({now_ + links_.delay + std::chrono::microseconds(extra), order_++, s, behind_box});
  }
}

void Network::box(const Segment& s) {
  const std::string verdict = bench.send(s);
  ++verdicts[verdict];
  if (verdict == "tcp-window") {
    Segment told = s;
    const Connection* const c = bench.record();
    if (c != nullptr && c->shifted && s.from == In) told.sequence += c->shift;
    if (end(other(s.from)).needs(told)) ++needed;
  }
  if (verdict == "forward" || verdict == "open") return put(bench.sent(), true);
  if (verdict != "challenge" || !bench.challenge.allowed) return;
  Segment ack;
  ack.from = other(s.from);
  ack.sequence = bench.challenge.sequence;
  ack.acknowledgement = bench.challenge.acknowledgement;
  ack.window = bench.challenge.window;
  put(ack, true);
}

void Network::collect() {
  for (Endpoint& e : ends)
    for (const Segment& s : e.take()) put(s, false);
}

bool Network::run(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds step{10};
  for (const Time until = now_ + limit; now_ < until;) {
    const Time next = now_ + step;
    for (Endpoint& e : ends) e.run(now_);
    collect();
    while (!events_.empty() && events_.top().at <= next) {
      const Event event = events_.top();
      events_.pop();
      bench.skip(std::chrono::milliseconds(to_tick(event.at) - to_tick(now_)));
      now_ = std::max(now_, event.at);
      if (event.behind_box)
        end(other(event.segment.from)).receive(event.segment, now_);
      else
        box(event.segment);
      collect();
    }
    bench.skip(std::chrono::milliseconds(to_tick(next) - to_tick(now_)));
    now_ = next;
    bench.wait(std::chrono::milliseconds(0));
    bench.tracker.sweep(bench.now());
    if (done()) return true;
  }
  return false;
}

}  // namespace mitibox::test

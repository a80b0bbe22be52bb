// SPDX-License-Identifier: BSD-3-Clause
#include "flooding.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <queue>
#include <random>
#include <unordered_set>
#include <utility>
#include <vector>

#include "chain/chain.hpp"
#include "flood_parties.hpp"
#include "opener.hpp"
#include "tracker/tracker.hpp"
#include "traffic.hpp"

namespace mitibox::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kFirstSource = 0x0b000000U;
constexpr std::uint32_t kSources = 0x70000000U;
constexpr std::uint32_t kDark = 0xcb007140U;  // 203.0.113.64
constexpr std::uint32_t kDarkCount = 190;
constexpr std::uint32_t kServer = 0xcb00710aU;  // 203.0.113.10
constexpr std::uint16_t kServed = 443;
constexpr std::array<Time, 3> kTries{0s, 1s, 3s};
constexpr Time kRoundTrip = 20ms;

class Trial {
 public:
  Trial(const Policy& policy, const FloodOrder& order, rte_mempool* pool, rte_mempool* own)
      : order_(order),
        pool_(pool),
        random_(order.seed),
        chain_(policy, config(own, order.seed), ear_) {}

  FloodOutcome run() {
    // A clock that stands: time goes on with settle().
    open_connections(chain_, pool_, {.connections = order_.established, .first = Side::inside},
                     Clock(0));
    settle(1s);
    prove_scanners();
    plan_clients();
    strike();
    FloodOutcome o = outcome_;
    o.to_host = ear_.to_host;
    o.evicted = chain_.tracker().table(Family::v4).evicted();
    for (const Party& c : clients_) {
      if (c.connected) ++o.clients;
      if (c.connected && c.tries == 1) ++o.clients_at_first;
      if (c.deceived) ++o.clients_deceived;
    }
    for (const Party& s : scanners_) {
      const TrustLevel level = chain_.trust().level(s.flow.outside, now_);
      if (level.number == 1 && level.proven) ++o.scanners;
    }
    o.established = still_forwarded();
    return o;
  }

 private:
  static Chain::Config config(rte_mempool* own, std::uint64_t seed) {
    Chain::Config c;
    c.name = "flood";
    c.secrets = Secrets::derive({7, seed});
    c.own_mac = {{0x02, 0, 0, 0, 0xb0, 0xb0}};
    c.pool = own;
    return c;
  }

  std::uint32_t fresh_source() {
    for (;;) {
      const auto a = kFirstSource + static_cast<std::uint32_t>(random_() % kSources);
      if (taken_.insert(a).second) return a;
    }
  }
  Party fresh_party(std::uint32_t inside, std::uint16_t service) {
    Party p;
    p.address = fresh_source();
    p.flow = flow_between(p.address, static_cast<std::uint16_t>(1024 + random_() % 64512), inside,
                          service);
    p.flow.outside_isn = static_cast<std::uint32_t>(random_());
    return p;
  }

  void put(Side from, const Flow& f, const Segment& s) {
    auto& queue = queues_[index(from)];
    queue.push_back(make_frame(pool_, f, s));
    if (queue.size() == kBurst) pass(from);
  }
  void pass(Side from) {
    auto& queue = queues_[index(from)];
    if (queue.empty()) return;
    ear_.now = now_;
    chain_.process(from, queue, Now(now_));
    chain_.transmit().flush();
    queue.clear();
  }

  void send_syn(Party& p) {
    if (p.tries == 0) p.first = now_;
    ++p.tries;
    put(Side::outside, p.flow,
        {.from = Side::outside, .flags = tcp::kSyn, .sequence = p.flow.outside_isn, .mss = true});
  }
  void acknowledge(const Party& p) {
    put(Side::outside, p.flow,
        {.from = Side::outside,
         .flags = tcp::kAck,
         .sequence = p.flow.outside_isn + 1,
         .acknowledgement = p.answer + 1});
  }
  void host_answers(const Ear::Asked& a) {
    Flow f = flow_between(static_cast<std::uint32_t>(a.key >> 16U),
                          static_cast<std::uint16_t>(a.key), kServer, kServed);
    put(Side::inside, f,
        {.from = Side::inside,
         .flags = tcp::kSyn | tcp::kAck,
         .sequence = host_isn(a.key),
         .acknowledgement = a.isn + 1,
         .mss = true});
  }

  /// Time in which nobody sends, but what was asked is answered.
  void settle(Time span) {
    for (const Time end = now_ + span; now_ < end;) step(1ms);
  }
  /// Moves the clock and lets everybody do what is due.
  void step(Time span) {
    now_ += span;
    for (; !ear_.asked.empty() && ear_.asked.front().due <= now_; ear_.asked.pop_front())
      host_answers(ear_.asked.front());
    pass(Side::inside);
    for (Party* p : std::exchange(ear_.answered, {}))
      due_.push({now_ + kRoundTrip, p, Event::Kind::acknowledge});
    for (; !due_.empty() && due_.top().when <= now_; due_.pop()) {
      Party& p = *due_.top().party;
      if (due_.top().kind == Event::Kind::acknowledge)
        acknowledge(p);
      else if (!p.answered)
        send_syn(p);
    }
    pass(Side::outside);
    chain_.tick(Now(now_));
    chain_.transmit().flush();
  }

  /// They try anew, with another ISN, until the coin lets them, and complete the handshake.
  void prove_scanners() {
    for (unsigned i = 0; i < order_.scanners; ++i)
      scanners_.push_back(fresh_party(kDark + i % kDarkCount, 80));
    for (Party& s : scanners_) ear_.listen(s);
    for (int round = 0; round < 64; ++round) {
      for (Party& s : scanners_) {
        if (s.answered) continue;
        ++s.flow.outside_isn;
        send_syn(s);
      }
      settle(50ms);
    }
  }

  void plan_clients() {
    const Time span(static_cast<std::int64_t>(order_.seconds * 1e9));
    const Time window = std::max<Time>(span - kPatience - 1s, 1ms);
    for (unsigned i = 0; i < order_.clients; ++i) clients_.push_back(fresh_party(kServer, kServed));
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      ear_.listen(clients_[i]);
      // The flood is a second old when the first comes.
      const Time start =
          now_ + 1s +
          window * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(clients_.size());
      for (const Time wait : kTries) due_.push({start + wait, &clients_[i], Event::Kind::syn});
    }
  }

  void strike() {
    const auto syns = static_cast<std::uint64_t>(order_.rate * order_.seconds);
    const Time span(static_cast<std::int64_t>(1e9 * kBurst / order_.rate));
    ear_.to_host = 0;
    for (; outcome_.flood < syns; outcome_.flood += kBurst) {
      for (std::size_t i = 0; i < kBurst; ++i) {
        const std::uint64_t draw = random_();
        const bool dark = (draw >> 63U) != 0;
        const auto source = kFirstSource + static_cast<std::uint32_t>((draw >> 32U) % kSources);
        const std::uint32_t to =
            dark ? kDark + static_cast<std::uint32_t>(draw % kDarkCount) : kServer;
        const auto port = static_cast<std::uint16_t>(1024 + (draw & 0xffffU) % 64512);
        const std::uint64_t more = random_();
        const auto service = dark ? static_cast<std::uint16_t>(1 + more % 1024) : kServed;
        put(Side::outside, flow_between(source, port, to, service),
            {.from = Side::outside,
             .flags = tcp::kSyn,
             .sequence = static_cast<std::uint32_t>(more >> 32U),
             .mss = true});
      }
      step(span);
    }
  }

  unsigned still_forwarded() {
    const std::uint64_t before = ear_.segments;
    for (unsigned i = 0; i < order_.established; ++i) {
      const Flow f = flow(i, Family::v4, protocol::kTcp);
      put(Side::outside, f, established(f, Side::outside, 0));
    }
    pass(Side::outside);
    return static_cast<unsigned>(ear_.segments - before);
  }

  struct Event {
    enum class Kind : std::uint8_t { syn, acknowledge };
    Time when;
    Party* party;
    Kind kind;
    bool operator<(const Event& other) const { return when > other.when; }
  };

  FloodOrder order_;
  rte_mempool* pool_;
  std::mt19937_64 random_;
  Ear ear_;
  Chain chain_;
  Time now_{};
  std::array<std::vector<rte_mbuf*>, kSides> queues_;
  std::unordered_set<std::uint32_t> taken_;
  std::vector<Party> scanners_, clients_;
  std::priority_queue<Event> due_;
  FloodOutcome outcome_;
};

}  // namespace

FloodOutcome flood(const Policy& policy, const FloodOrder& order, rte_mempool* pool,
                   rte_mempool* own) {
  return Trial(policy, order, pool, own).run();
}

Policy flood_policy(const FloodOrder& order, std::uint32_t connections) {
  Policy p;
  p.admission = Policy::Admission::forward;
  p.normalise.isn = false;  // made segments acknowledge hosts' own numbers
  p.trust.evidence = Policy::Evidence::weighted;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value()};
  Service web;
  web.address = Address(be32(kServer));
  web.tcp = {{kServed, kServed}};
  p.services = {web};
  p.timeouts.grace = Seconds(0);
  p.trust.partial = {{0.75, Seconds(600)}, {0.5, Seconds(600)}, {0.25, Seconds(600)}};
  p.tables.connections = connections;
  p.tables.retransmissions =
      static_cast<std::uint32_t>(std::max(4096.0, 32 * order.rate * p.probability.drop));
  return p;
}

}  // namespace mitibox::bench

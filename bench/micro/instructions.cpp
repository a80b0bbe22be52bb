// SPDX-License-Identifier: BSD-3-Clause
// Bursts of one kind of traffic through a whole Chain in memory, for an instruction counter to
// watch (bench/micro/gate): secrets, time, addresses and order are fixed, so is every count.
#include <fmt/format.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/eal.hpp"
#include "chain/chain.hpp"
#include "replay/traffic.hpp"

namespace mitibox::bench {

namespace {

constexpr std::uint64_t kFlows = 1024;
constexpr std::uint64_t kFrames = 16384;                ///< scans, before they repeat
constexpr Time kPace = std::chrono::nanoseconds(2150);  ///< of a burst at 14.88 Mpps

struct Template {
  Side from = Side::outside;
  std::vector<std::uint8_t> bytes;
};

/// What a case is, beyond the plain policy.
struct Scenario {
  std::string_view name;
  std::string_view says;
  std::vector<Template> (*frames)();
  void (*policy)(Policy&);
  bool forwarded = true;        ///< every packet is; else every packet ends
  std::optional<Reason> end{};  ///< under this reason, or any
};

Template framed(const Flow& f, const Segment& s) {
  std::array<std::uint8_t, 1518> out;
  const std::size_t n = write_frame(f, s, out.data());
  return {s.from, {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)}};
}

/// A burst from outside, one from inside, and so on.
std::vector<Template> alternating(Family family, std::uint8_t protocol) {
  std::vector<Template> all;
  for (std::uint64_t at = 0; at < kFlows; at += kBurst)
    for (const Side from : {Side::outside, Side::inside})
      for (std::uint64_t i = 0; i < kBurst; ++i) {
        const Flow f = flow(at + i, family, protocol);
        all.push_back(framed(f, established(f, from, 0)));
      }
  return all;
}

std::vector<Template> of_case(std::string_view name) {
  Case traffic(name, {kFrames, 1}, 1);
  std::vector<Template> all(kFrames);
  std::array<std::uint8_t, 1518> out;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    const std::size_t n = traffic.frame(Side::outside, i, out.data());
    all[i].bytes.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return all;
}

/// SYNs of the sources of the first flows to addresses where nobody lives.
std::vector<Template> probes() {
  std::vector<Template> all;
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    Flow f = flow(i % kFlows, Family::v4, protocol::kTcp);
    f.inside.bytes[15] = static_cast<std::uint8_t>(64 + i % 190);
    f.outside_port = static_cast<std::uint16_t>(1024 + i);
    all.push_back(framed(f, {.flags = tcp::kSyn, .sequence = f.outside_isn + 64000 * 7}));
  }
  return all;
}

/// Handshakes of new connections: 32 SYNs, their 32 answers, 32 last segments.
std::vector<Template> handshakes() {
  std::vector<Template> all;
  for (std::uint64_t at = kFlows; at < kFlows + kFrames; at += kBurst)
    for (std::size_t step = 0; step < 3; ++step)
      for (std::uint64_t i = 0; i < kBurst; ++i) {
        const Flow f = flow(at + i, Family::v4, protocol::kTcp);
        all.push_back(framed(f, opening(f)[step]));
      }
  return all;
}

void nothing(Policy&) {}

/// As by default: the box answers SYNs. The connections that are open were forwarded.
void answers(Policy& p) {
  p.admission = Policy::Admission::handshake;
  p.trust.evidence = Policy::Evidence::proof;
  for (Service& s : p.services) s.forward = true;
}

/// Every coin falls. The connections that are open did not meet it.
void always_drop(Policy& p) {
  answers(p);
  p.probability.drop = 1;
  for (Service& s : p.services) s.is_public = true;
}

const std::array<Scenario, 9> kScenarios{{
    {"established", "TCP segments of 1024 open connections, a burst a side in turn",
     [] { return alternating(Family::v4, protocol::kTcp); }, nothing},
    {"spliced", "as established, of connections whose handshake the box completed",
     [] { return alternating(Family::v4, protocol::kTcp); },
     [](Policy& p) { p.admission = Policy::Admission::handshake; }},
    {"established6", "as established, over IPv6",
     [] { return alternating(Family::v6, protocol::kTcp); }, nothing},
    {"udp", "datagrams of 1024 flows, a burst a side in turn",
     [] { return alternating(Family::v4, protocol::kUdp); }, nothing},
    {"handshake", "SYN, SYN/ACK and ACK of new connections", handshakes, nothing},
    {"hold", "SYNs that the coin ends, none remembered", [] { return of_case("coin"); },
     [](Policy& p) {
       always_drop(p);
       p.probability.retransmission = Policy::Retransmission::hold;
     },
     false, Reason::coin},
    {"admit", "SYNs that the coin ends, each remembered", [] { return of_case("coin"); },
     always_drop, false, Reason::coin},
    {"answered", "SYNs that the box answers from the cookie", probes, answers, false,
     Reason::answered},
    {"malformed", "SYNs with one of four faults", [] { return of_case("malformed"); }, nothing,
     false},
}};

Policy plain_policy() {
  Policy p;
  p.admission = Policy::Admission::forward;
  p.trust.evidence = Policy::Evidence::weighted;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value(),
                          parse_prefix("2001:db8:1::/64").value()};
  Service web;
  web.tcp = {{443, 443}};
  web.udp = {{443, 443}};
  web.address = flow(0, Family::v4, protocol::kTcp).inside;
  Service web6 = web;
  web6.address = flow(0, Family::v6, protocol::kTcp).inside;
  p.services = {web, web6};
  std::sort(p.services.begin(), p.services.end(),
            [](const Service& a, const Service& b) { return a.address < b.address; });
  p.probability.drop = 0;
  p.timeouts.grace = Seconds(0);
  p.tables = {1U << 16U, 1U << 14U, 1U << 16U, 1U << 10U, 1U << 10U, 1U << 10U};
  return p;
}

/// Two ports that take everything.
class Sink : public Wire {
 public:
  std::uint16_t send(Side, rte_mbuf** frames, std::uint16_t count) override {
    taken_.insert(taken_.end(), frames, frames + count);
    return count;
  }
  [[nodiscard]] std::span<rte_mbuf* const> taken() const { return taken_; }
  void free() {
    rte_pktmbuf_free_bulk(taken_.data(), static_cast<unsigned>(taken_.size()));
    taken_.clear();
  }
  void reserve(std::size_t n) { taken_.reserve(n); }

 private:
  std::vector<rte_mbuf*> taken_;
};

class Run {
 public:
  explicit Run(const Scenario& scenario)
      : scenario_(scenario),
        policy_(plain_policy()),
        frames_(scenario.frames()),
        received_(make_pool("received", 1023, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY)),
        own_(make_pool("own", 1023, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY)) {
    scenario.policy(policy_);
    sink_.reserve(4 * kBurst);
    chain_ = std::make_unique<Chain>(
        policy_,
        Chain::Config{"gate", 1, Secrets::derive({1, 2}), {{2, 0, 0, 0, 0xb0, 0xb0}}, own_}, sink_);
  }

  void prepare() {
    if (scenario_.name == "spliced") return splice();
    const bool v6 = scenario_.name == "established6";
    const std::uint8_t protocol = scenario_.name == "udp" ? protocol::kUdp : protocol::kTcp;
    const std::size_t steps = protocol == protocol::kTcp ? 3 : 2;
    for (std::size_t step = 0; step < steps; ++step)
      for (std::uint64_t at = 0; at < kFlows; at += kBurst) {
        std::vector<Template> burst;
        for (std::uint64_t i = at; i < at + kBurst; ++i) {
          const Flow f = flow(i, v6 ? Family::v6 : Family::v4, protocol);
          burst.push_back(framed(f, opening(f)[step]));
        }
        send(burst);
      }
    if (scenario_.end != Reason::answered) return;
    for (std::size_t at = 0; at < kFlows; at += kBurst) send({frames_.data() + at, kBurst});
  }

  /// The part that counts.
  void send_bursts(std::uint64_t bursts) {
    const std::uint64_t before = expected();
    for (std::uint64_t b = 0; b < bursts; ++b)
      send({frames_.data() + b * kBurst % frames_.size(), kBurst});
    check(expected() - before, bursts * kBurst);
  }

 private:
  /// Opens the connections through the box, and lets the clients' segments acknowledge what the box
  /// has told them.
  void splice() {
    std::vector<Flow> told;
    for (std::uint64_t at = 0; at < kFlows; at += kBurst) {
      std::array<std::vector<Template>, 4> steps;
      for (std::uint64_t i = at; i < at + kBurst; ++i) {
        const Flow f = flow(i, Family::v4, protocol::kTcp);
        steps[0].push_back(framed(f, opening(f)[0]));
        steps[2].push_back(framed(f, opening(f)[1]));
        steps[3].push_back(framed(f, established(f, Side::inside, 64)));  // its first words
      }
      process(steps[0]);
      for (const rte_mbuf* answer : sink_.taken()) {
        constexpr std::uint16_t kSequence = sizeof(EtherHeader) + sizeof(Ipv4Header) + 4;
        Flow f = flow(told.size(), Family::v4, protocol::kTcp);
        f.inside_isn = rte_pktmbuf_mtod_offset(answer, const be32*, kSequence)->host();
        steps[1].push_back(framed(f, opening(f)[2]));
        told.push_back(f);
      }
      sink_.free();
      for (std::size_t s = 1; s < steps.size(); ++s) send(steps[s]);
    }
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const Flow& f = told[i / (2 * kBurst) * kBurst + i % kBurst];
      if (frames_[i].from == Side::outside)
        frames_[i] = framed(f, established(f, Side::outside, 0));
    }
  }

  void send(std::span<const Template> burst) {
    process(burst);
    sink_.free();
  }

  void process(std::span<const Template> burst) {
    std::array<rte_mbuf*, kBurst> frames{};
    if (rte_pktmbuf_alloc_bulk(received_, frames.data(), kBurst) != 0)
      throw std::runtime_error("a frame got lost");
    for (std::size_t i = 0; i < kBurst; ++i)
      std::memcpy(rte_pktmbuf_append(frames[i], static_cast<std::uint16_t>(burst[i].bytes.size())),
                  burst[i].bytes.data(), burst[i].bytes.size());
    now_ += kPace;
    chain_->process(burst[0].from, frames, Now(now_));
    chain_->tick(Now(now_));
    chain_->transmit().flush();
  }

  /// Packets that went the way the scenario says.
  [[nodiscard]] std::uint64_t expected() const {
    const Counters& c = chain_->counters();
    if (scenario_.end) return c.ended[index(*scenario_.end)].get();
    std::uint64_t n = 0;
    for (const Counter& one : c.forwarded) n += scenario_.forwarded ? one.get() : 0;
    for (const Counter& one : c.ended) n += scenario_.forwarded ? 0 : one.get();
    return n;
  }

  /// A case that does not measure what it says is worse than none. (Tags of 4 bytes take one
  /// attempt in thousands for another's repetition.)
  void check(std::uint64_t expected, std::uint64_t packets) const {
    if (expected >= packets - packets / 100) return;
    std::string ends;
    for (std::size_t i = 0; i < kReasons.size(); ++i)
      if (const std::uint64_t n = chain_->counters().ended[i].get(); n != 0)
        ends += fmt::format(" {} {}", n, kReasons[i].name);
    throw std::runtime_error(
        fmt::format("{}: of {} packets {} went the way they should; ends in all:{}", scenario_.name,
                    packets, expected, ends));
  }

  const Scenario& scenario_;
  Policy policy_;
  std::vector<Template> frames_;
  rte_mempool* received_;
  rte_mempool* own_;
  Sink sink_;
  std::unique_ptr<Chain> chain_;
  Time now_ = std::chrono::hours(1);
};

int usage() {
  fmt::print(stderr, "usage: mitibox-instructions CASE BURSTS\n");
  for (const Scenario& s : kScenarios) fmt::print(stderr, "  {:<14}{}\n", s.name, s.says);
  return 2;
}

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox;
  using namespace mitibox::bench;
  if (argc != 3) return usage();
  const auto* const scenario = std::find_if(kScenarios.begin(), kScenarios.end(),
                                            [&](const Scenario& s) { return s.name == argv[1]; });
  if (scenario == kScenarios.end()) return usage();
  try {
    start_offline_eal("mitibox-instructions", 128);
    {
      Run run(*scenario);
      run.prepare();
      run.send_bursts(std::strtoull(argv[2], nullptr, 10));
    }
    stop_offline_eal();
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-instructions: {}\n", e.what());
    return 1;
  }
  return 0;
}

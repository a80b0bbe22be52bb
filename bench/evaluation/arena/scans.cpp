// SPDX-License-Identifier: BSD-3-Clause
// Attackers who ask about every target of the network, in one way or another. Whoever asks by echo
// looks for addresses that live: these are to him what services are to the others.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <random>
#include <stdexcept>

#include "scenario.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

enum class Sweep : std::uint8_t { hosts, ports, shuffled };
enum class Depth : std::uint8_t { syn, oracle, application };
enum class Restart : std::uint8_t { never, same_key, new_key };

struct Strategy {
  std::string name;
  std::uint32_t sources = 1;  ///< 0: a fresh one for each attempt
  std::uint64_t packets = 1'000'000;
  Time pace = 1ms;  ///< between attempts
  Sweep sweep = Sweep::shuffled;
  Depth depth = Depth::syn;
  Carrier carrier = Carrier::tcp;  ///< of the probes
  unsigned repeats = 1;            ///< of a target by the same source in turn
  unsigned decoys = 0;             ///< forged probes with each of his own
  bool retries = false;            ///< as kernels do, 1 s and 3 s after the first
  bool rotates = false;            ///< through an IPv6 /48
  Restart restart = Restart::never;
};

const std::vector<Strategy>& strategies() {
  static const std::vector<Strategy> all{
      {.name = "horizontal", .sweep = Sweep::hosts},
      {.name = "vertical", .sweep = Sweep::ports},
      {.name = "slow", .packets = 8192, .pace = 10min},
      {.name = "colluding", .sources = 1024},
      {.name = "single", .sources = 0, .packets = 200'000},
      {.name = "decoys", .decoys = 9},
      {.name = "patient", .sources = 1024, .repeats = 8},
      {.name = "retransmitting", .sources = 1024, .retries = true},
      {.name = "oracle", .sources = 0, .packets = 20'000, .pace = 10ms, .depth = Depth::oracle},
      {.name = "application",
       .sources = 0,
       .packets = 40'000,
       .pace = 10ms,
       .depth = Depth::application},
      {.name = "rotation",
       .sources = 0,
       .packets = 20'000,
       .pace = 100ms,
       .depth = Depth::application,
       .rotates = true},
      {.name = "udp", .sources = 1024, .packets = 16'368, .carrier = Carrier::udp},
      {.name = "echo", .sources = 1024, .packets = 100'000, .carrier = Carrier::echo_request},
      {.name = "restart", .sources = 1024, .restart = Restart::same_key},
      {.name = "rekey", .sources = 1024, .restart = Restart::new_key},
  };
  return all;
}

constexpr std::uint64_t kQuick = 16'000;
/// Who scans blindly rarely meets a service: of so many probes one is for a target that is judged,
/// the others for what is none, or a detector of failures would have it harder here than outside.
constexpr unsigned kBlind = 4;
constexpr std::uint16_t kAsked = 40;  // bytes of what is not TCP
constexpr std::array<Time, 3> kRetries{0s, 1s, 3s};
constexpr Time kPatience = 4500ms;

class Scan {
 public:
  Scan(const Order& order, Strategy strategy)
      : s_(std::move(strategy)),
        world_(s_.rotates ? Family::v6 : Family::v4, order.defence, order.seed, order.knobs),
        random_(order.seed + 17),
        targets_(s_.carrier == Carrier::echo_request ? addresses(world_.network())
                                                     : world_.network().targets),
        seen_(targets_.size()) {
    if (order.quick) s_.packets = std::min(s_.packets, kQuick);
    if (order.quick && s_.depth != Depth::syn)
      s_.packets = std::min<std::uint64_t>(s_.packets, 4092);
    if (order.packets != 0) s_.packets = order.packets;
    if (order.sources != 0) s_.sources = order.sources;
    if (order.pace != 0) s_.pace = order.pace * 1ms;
    order_.resize(seen_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    if (s_.sweep == Sweep::hosts)
      std::stable_sort(order_.begin(), order_.end(),
                       [&](unsigned a, unsigned b) { return targets_[a].port < targets_[b].port; });
    if (s_.sweep == Sweep::shuffled) std::shuffle(order_.begin(), order_.end(), random_);
  }

  Figures run() {
    const Time start = world_.now();
    attempt(0);
    if (s_.restart != Restart::never) {
      const auto half = static_cast<std::int64_t>(s_.packets / 2);
      world_.at(start + s_.pace * half, [this] {
        world_.defence().restart(s_.restart == Restart::new_key, Now(world_.now()));
      });
    }
    while (!over_) world_.run(world_.now() + 10s);
    world_.run(world_.now() + 15s);
    return figures(world_.now() - start);
  }

 private:
  static constexpr unsigned kNone = UINT32_MAX;
  struct Attempt {
    unsigned target = kNone;
    unsigned tries = 0;
    bool first = false;  ///< of its source
    Time sent{};
    Segment packet;
    bool answered = false;
    std::string symbol;
  };

  static std::vector<Target> addresses(const Network& net) {
    std::vector<Target> all{net.known};
    for (const Target& t : net.targets)
      if (all.back().address != t.address)
        all.push_back({t.address, 0, net.live(t.address) ? Kind::service : Kind::dark});
    for (const Address& a : net.empty) all.push_back({a, 0, Kind::dark});
    return all;
  }

  Address source(std::uint64_t number) const {
    const std::uint64_t who = s_.sources == 0 ? number : number / s_.repeats % s_.sources;
    return s_.rotates ? rotated(Rotation::spread, static_cast<std::uint32_t>(who % 65536))
                      : attacker(world_.family(), static_cast<std::uint32_t>(who));
  }

  void attempt(std::uint64_t number) {
    if (packets_ >= s_.packets) {
      over_ = true;
      return;
    }
    Attempt a;
    const std::uint64_t turn = number / s_.repeats;
    // Three of four addresses are dark anyway.
    const bool echo = s_.carrier == Carrier::echo_request;
    const unsigned blind = s_.sources == 0 || echo ? 1 : kBlind;
    a.target = order_[turn / blind % order_.size()];
    Target t = targets_[a.target];
    if (turn % blind != 0) {
      a.target = kNone;
      const auto& empty = world_.network().empty;
      if (s_.sweep != Sweep::ports) t.address = empty[random_() % empty.size()];
      if (s_.sweep != Sweep::hosts)
        t.port = static_cast<std::uint16_t>(10'000 + random_() % 50'000);
    }
    const std::uint64_t round = std::uint64_t{s_.repeats} * s_.sources;
    const std::uint64_t of_source = s_.sources == 0
                                        ? number / (s_.rotates ? 65536U : UINT32_MAX)
                                        : number / round * s_.repeats + number % s_.repeats;
    a.first = of_source == 0;
    a.packet.source = source(number);
    a.packet.destination = t.address;
    a.packet.source_port = static_cast<std::uint16_t>(1024 + of_source % 60000);
    a.packet.destination_port = t.port;
    a.packet.sequence = static_cast<std::uint32_t>(random_());
    a.packet.carrier = s_.carrier;
    if (s_.carrier == Carrier::tcp)
      a.packet.flags = tcp::kSyn;
    else
      a.packet.length = kAsked;
    a.packet.look = kStacks[0];
    ++attempts_;
    if (s_.depth == Depth::application)
      converse(a);
    else
      probe(a);
    for (unsigned i = 0; i < s_.decoys; ++i) forge(a);
    world_.after(s_.pace, [this, number] { attempt(number + 1); });
  }

  void forge(const Attempt& a) {
    Segment s = a.packet;
    s.source = attacker(world_.family(), static_cast<std::uint32_t>(random_()));
    s.sequence = static_cast<std::uint32_t>(random_());
    world_.send(s);
    ++packets_;
  }

  void probe(const Attempt& a) {
    const Address from = a.packet.source;
    const std::uint16_t port = a.packet.source_port;
    auto mine = std::make_shared<Attempt>(a);
    world_.listen(from, port, [this, mine](const Segment& s) { hear(*mine, s); });
    for (std::size_t i = 0; i < (s_.retries ? kRetries.size() : 1); ++i)
      world_.after(kRetries[i], [this, mine] {
        if (mine->answered) return;
        mine->sent = world_.now();
        ++mine->tries;
        ++packets_;
        world_.send(mine->packet);
      });
    world_.after(s_.retries ? kPatience : 500ms, [this, mine] {
      world_.unlisten(mine->packet.source, mine->packet.source_port);
      if (!mine->answered) mine->symbol = "silence";
      if (s_.depth == Depth::oracle)
        consult(*mine);
      else
        note(*mine);
    });
  }

  void hear(Attempt& a, const Segment& s) {
    if (a.answered) return;
    a.answered = true;
    const Time late = world_.now() - a.sent - 2 * kHalfway;
    const std::string stack =
        s.carrier == Carrier::tcp ? fmt::format("win{} opt{} ", s.look.window, layout(s.look)) : "";
    a.symbol = fmt::format("{} ttl{} {}late{} try{}", s.agrees() ? "open" : "closed", s.look.ttl,
                           stack, late / 1ms, a.tries);
    if (!s.is(kSynAck)) return;
    Segment reset = s.back(tcp::kRst);  // as a kernel that knows nothing of the scanner
    reset.acknowledgement = 0;
    world_.send(reset);
  }

  static std::string layout(const Look& look) {
    std::string kinds;
    for (std::size_t i = 0; i < look.option_bytes;) {
      const std::uint8_t kind = look.options[i];
      kinds += static_cast<char>('0' + kind);
      i += kind < 2 ? 1U : std::max<std::size_t>(2, look.options[std::min<std::size_t>(i + 1, 11)]);
    }
    return kinds;
  }

  /// Does a service that everybody knows still answer this source?
  void consult(const Attempt& a) {
    const Target& known = world_.network().known;
    auto mine = std::make_shared<Attempt>(a);
    const auto port = static_cast<std::uint16_t>(a.packet.source_port + 1);
    ++packets_;
    dial(world_, {a.packet.source, known.address, port, known.port, a.packet.sequence + 77, 10s},
         [this, mine](Outcome o, Time) {
           mine->symbol += o == Outcome::data ? " known" : " refused";
           note(*mine);
         });
  }

  void converse(const Attempt& a) {
    auto mine = std::make_shared<Attempt>(a);
    ++packets_;
    dial(world_,
         {a.packet.source, a.packet.destination, a.packet.source_port, a.packet.destination_port,
          a.packet.sequence, 10s},
         [this, mine](Outcome o, Time) {
           constexpr std::array<const char*, 4> kNames{"silence", "closed", "mute", "data"};
           mine->symbol = kNames[static_cast<std::size_t>(o)];
           note(*mine);
         });
  }

  void note(const Attempt& a) {
    if (a.target == kNone) return;
    const auto [at, fresh] =
        symbols_.try_emplace(a.symbol + (a.first ? " first" : ""), symbols_.size());
    ++seen_[a.target][at->second];
  }

  Figures figures(Time took) {
    Figures f;
    f["packets"] = packets_;
    f["attempts"] = attempts_;
    f["sources"] = s_.sources == 0 ? std::min<std::uint64_t>(attempts_, s_.rotates ? 65536 : ~0ULL)
                                   : s_.sources;
    f["hours"] = static_cast<double>(took.count()) / 3.6e12;
    // A datagram is answered by the application.
    f["below application"] = s_.depth != Depth::application && s_.carrier != Carrier::udp;
    f["remembered"] = world_.defence().remembered();
    f["to hosts"] = world_.to_hosts();
    std::vector<std::string> names(symbols_.size());
    for (const auto& [name, place] : symbols_) names[place] = name;
    f["symbols"] = names;
    constexpr std::array<const char*, 3> kKinds{"service", "closed", "dark"};
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (seen_[i].empty()) continue;
      Figures counts = Figures::array();
      for (const auto& [symbol, count] : seen_[i]) counts.push_back({symbol, count});
      const auto kind = static_cast<std::size_t>(targets_[i].kind);
      f["targets"].push_back({kKinds[kind], counts});
    }
    return f;
  }

  Strategy s_;
  World world_;
  std::mt19937_64 random_;
  std::vector<Target> targets_;
  std::vector<std::map<std::size_t, unsigned>> seen_;  ///< by target, then symbol
  std::vector<unsigned> order_;
  std::map<std::string, std::size_t> symbols_;
  std::uint64_t packets_ = 0, attempts_ = 0;
  bool over_ = false;
};

}  // namespace

const std::vector<std::string>& scans() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const Strategy& s : strategies()) n.push_back(s.name);
    return n;
  }();
  return names;
}

Figures scan(const Order& order) {
  for (const Strategy& s : strategies())
    if (s.name == order.scenario) return Scan(order, s).run();
  throw std::runtime_error("no such scan: " + order.scenario);
}

}  // namespace mitibox::arena

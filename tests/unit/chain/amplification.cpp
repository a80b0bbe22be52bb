// SPDX-License-Identifier: BSD-3-Clause
// Floods of every kind that the box answers, in forged names: what comes out is bounded by what
// went in, and as much for a service as for a closed port and for an address without a host.
// `unit "[figures]"` prints the table.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "../packet/craft.hpp"
#include "../port/lan.hpp"
#include "rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned kFlood = 200;
constexpr std::size_t kRepetitionsOfSource = 32;
/// Of a FIN, to one who has completed a handshake: as a host repeats its own.
constexpr std::size_t kFinRepetitions = 6;
constexpr std::uint8_t kData = tcp::kPsh | tcp::kAck;
const Bytes kOffer{2, 4, 5, 180, 1, 3, 3, 7, 4, 2, 1, 1};

/// Whom a flood is aimed at.
enum class Aim : std::uint8_t { service, closed, dark };
constexpr std::pair<Aim, const char*> kAims[] = {
    {Aim::service, "service"}, {Aim::closed, "closed"}, {Aim::dark, "dark"}};

Policy flooded_policy() {
  Policy p = plain_policy();
  p.admission = Policy::Admission::handshake;
  p.trust.evidence = Policy::Evidence::proof;
  p.reply.udp = Policy::UdpReply::unreachable;
  p.gateways = {parse_address("203.0.113.1").value(), parse_address("2001:db8:1::1").value()};
  p.neighbours.answer_dark = {parse_prefix("203.0.113.77").value(),
                              parse_prefix("2001:db8:1::77").value()};
  p.normalise.headers = p.normalise.options = p.normalise.isn = true;
  return p;
}

/// What a flood came to. Bytes of whole frames without their checksum, padded to 60.
struct Tally {
  std::size_t in = 0, in_bytes = 0;
  std::size_t out = 0, out_bytes = 0;            ///< at once
  std::size_t repeated = 0, repeated_bytes = 0;  ///< later, unasked
  std::size_t reached = 0;                       ///< hosts got
  long most = -1000;  ///< bytes of IP by which an answer was longer than what asked
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// IP without the padding; others with it, as their answers have it.
long length(rte_mbuf* frame) {
  const auto* at = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  if (at[12] == 0x08 && at[13] == 0x00) return 14 + (at[16] << 8 | at[17]);
  if (at[12] == 0x86) return 14 + 40 + (at[18] << 8 | at[19]);
  return std::max(60L, static_cast<long>(frame->pkt_len));
}

std::size_t frame_bytes(std::size_t bytes) {
  return std::max<std::size_t>(bytes, 60);
}

class Flood {
 public:
  Flood(bool ipv6, Aim at, bool one_source) : v6(ipv6), aim(at), one_source_(one_source) {
    // The live host shows itself.
    Probe hello{.source = host(),
                .destination = v6 ? "2001:db8:ffff::1" : "198.51.100.1",
                .source_mac = {{2, 0, 0, 0, 0, 0x10}},
                .protocol = protocol::kUdp};
    REQUIRE(rig.send(Side::inside, hello).end == "forward");
  }

  /// The next probe of the flood, a SYN.
  Probe next() {
    ++number_;
    Probe p;
    if (one_source_) {
      p.source = v6 ? "2001:db8:ffff::7" : "198.51.100.7";
      p.source_port = static_cast<std::uint16_t>(1024 + number_);
    } else {
      p.source =
          v6 ? fmt::format("2001:db8:f{:03x}::7", number_) : fmt::format("198.18.{}.7", number_);
    }
    p.destination = aim == Aim::dark ? (v6 ? "2001:db8:1::77" : "203.0.113.77") : host();
    p.destination_port = aim == Aim::service ? 443 : 444;
    p.options = kOffer;
    return p;
  }

  Outcome send(const Probe& probe) { return send(frame_of(probe)); }
  Outcome send(rte_mbuf* frame) {
    ++tally.in;
    tally.in_bytes += frame_bytes(frame->pkt_len);
    const long asked = length(frame);
    Outcome o = rig.send(Side::outside, frame);
    tally.reached += o.passed.size();
    CHECK(o.answers.size() <= 1);
    for (const Seen& s : o.answers) {
      ++tally.out;
      tally.out_bytes += frame_bytes(s.bytes.size());
      tally.most = std::max(tally.most, static_cast<long>(s.bytes.size()) - asked);
    }
    return o;
  }
  /// What the box still sends unasked.
  void settle() {
    for (const Seen& s : rig.wait(20s).answers) {
      ++tally.repeated;
      tally.repeated_bytes += frame_bytes(s.bytes.size());
    }
  }
  /// A conversation, of one who has his own address: not counted.
  Probe talk() {
    Probe p = next();
    const Outcome o = rig.send(Side::outside, p);
    REQUIRE(o.answers.size() == 1);
    p.options.clear();
    p.flags = tcp::kAck;
    ++p.sequence;
    p.acknowledgement = o.answers[0].sequence() + 1;
    rig.send(Side::outside, p);
    return p;
  }

  [[nodiscard]] std::string host() const { return v6 ? "2001:db8:1::10" : "203.0.113.10"; }

  bool v6;
  Aim aim;
  Rig rig{flooded_policy()};
  Tally tally;

 private:
  bool one_source_;
  unsigned number_ = 0;
};

Probe echo(Probe p, bool v6) {
  p.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  p.payload.assign(56, 'p');
  return p;
}

Probe udp(Probe p, std::size_t length) {
  p.protocol = protocol::kUdp;
  p.destination_port = 999;
  p.payload.assign(length, 'q');
  return p;
}

rte_mbuf* error(const Probe& about, bool v6) {
  Craft c(echo(about, v6));
  c.put8(c.l4, v6 ? icmp6::kUnreachable : icmp4::kUnreachable).put8(c.l4 + 1, 1);
  return c.sum_upper(v6 ? protocol::kIcmpv6 : protocol::kIcmp).frame();
}

/// What a router asks before it sends anything there.
rte_mbuf* question(const std::string& target, bool v6) {
  const std::string ask = "who-has " + target + " tell ";
  return frame_of(v6 ? nd({ask + "fe80::1", "R1>ff02::1:ff00:77", ""})
                     : arp({ask + "203.0.113.1", "R1>*", ""}));
}

/// How a flood goes, and what comes of it.
struct Kind {
  const char* name;
  bool one_source;
  std::function<void(Flood&)> run;
  std::size_t answers;       ///< at once
  std::size_t repeated;      ///< at most
  long longer;               ///< bytes of IP by which an answer may exceed what asked
  Aim first = Aim::service;  ///< aimed at this, and those that follow
};

template <typename Send>
std::function<void(Flood&)> each(Send send) {
  return [send](Flood& f) {
    for (unsigned i = 0; i < kFlood; ++i) send(f);
  };
}

/// Segments of one conversation.
template <typename Change>
std::function<void(Flood&)> within(Change change) {
  return [change](Flood& f) {
    const Probe start = f.talk();
    for (unsigned i = 0; i < kFlood; ++i) {
      Probe p = start;
      change(p, i);
      f.send(p);
    }
  };
}

/// A SYN with data in two pieces, the first with all of its TCP header; or that one alone.
void pieces(Flood& f, bool both) {
  Probe p = f.next();
  p.payload.assign(16, 'd');
  Craft first(p);
  Craft last(p);
  const std::size_t cut = first.l4 + 32;
  first.resize(cut);
  last.bytes.erase(last.bytes.begin() + static_cast<std::ptrdiff_t>(last.l4),
                   last.bytes.begin() + static_cast<std::ptrdiff_t>(cut));
  f.send(first.fragment({.id = p.source_port, .offset = 0, .more = true}).frame());
  if (both) f.send(last.fragment({.id = p.source_port, .offset = 32, .more = false}).frame());
}

std::vector<Kind> kinds() {
  const auto syn = [](Flood& f) { f.send(f.next()); };
  const auto plain = [](Flood& f) {
    Probe p = f.next();
    p.options.clear();
    f.send(p);
  };
  const auto flags = [](std::uint8_t with) {
    return each([with](Flood& f) {
      Probe p = f.next();
      p.options.clear();
      p.flags = with;
      p.acknowledgement = 77;
      f.send(p);
    });
  };
  const auto again = [](Flood& f) {
    const Probe p = f.next();
    for (unsigned i = 0; i < kFlood; ++i) f.send(p);
  };
  return {
      {"SYN", false, each(syn), kFlood, kFlood, 0},
      {"SYN without options", false, each(plain), kFlood, kFlood, 4},
      {"SYN, one source", true, each(syn), kFlood, kRepetitionsOfSource, 0},
      {"the same SYN again", true, again, kFlood, kRepetitionsOfSource, 0},
      {"ACK unasked", false, flags(tcp::kAck), 0, 0, 0},
      {"SYN/ACK unasked", false, flags(kSynAck), 0, 0, 0},
      {"RST unasked", false, flags(tcp::kRst), 0, 0, 0},
      {"Xmas", false, flags(tcp::kFin | tcp::kPsh | tcp::kUrg), 0, 0, 0},
      {"data in order, forged", true, within([](Probe& p, unsigned i) {
         p.flags = kData;
         p.sequence += i;
         p.payload = {'x'};
       }),
       kFlood, 0, 0, Aim::closed},
      {"data out of window, forged", true, within([](Probe& p, unsigned i) {
         p.flags = kData;
         p.sequence += 0x40000000U + i;
         p.payload = {'x'};
       }),
       kFlood, 0, 0, Aim::closed},
      {"SYN in a conversation", true, within([](Probe& p, unsigned i) {
         p.flags = tcp::kSyn;
         p.sequence += 5000 + i;
         p.acknowledgement = 0;
       }),
       1, 0, 0, Aim::closed},
      {"FIN in a conversation", true,
       within([](Probe& p, unsigned /*i*/) { p.flags = tcp::kFin | tcp::kAck; }), kFlood,
       kFinRepetitions, 0, Aim::closed},
      {"echo", false, each([](Flood& f) { f.send(echo(f.next(), f.v6)); }), kFlood, 0, 0},
      {"echo, one source", true, each([](Flood& f) { f.send(echo(f.next(), f.v6)); }), 100, 0, 0},
      {"UDP, 100 bytes", false, each([](Flood& f) { f.send(udp(f.next(), 100)); }), kFlood, 0, 0},
      {"UDP, 100 bytes, one pair", true, each([](Flood& f) { f.send(udp(f.next(), 100)); }), 4, 0,
       0},
      {"UDP, empty", false, each([](Flood& f) { f.send(udp(f.next(), 0)); }), 0, 0, 0},
      {"ICMP error, unrelated", false, each([](Flood& f) { f.send(error(f.next(), f.v6)); }), 0, 0,
       0},
      // The last piece is shorter than the whole.
      {"SYN in two fragments", false, each([](Flood& f) { pieces(f, true); }), kFlood, kFlood, 16},
      {"first fragment alone", false, each([](Flood& f) { pieces(f, false); }), 0, 0, 0},
      {"ARP or ND request", false,
       [](Flood& f) {
         f.rig.wait(10s);  // until the address is known to be dark
         const Probe p = f.next();
         for (unsigned i = 0; i < kFlood; ++i) f.send(question(p.destination, f.v6));
       },
       kFlood, 0, 0, Aim::dark},
  };
}

Tally flood(const Kind& kind, bool v6, Aim aim) {
  Flood f(v6, aim, kind.one_source);
  kind.run(f);
  f.settle();
  return f.tally;
}

}  // namespace

TEST_CASE("amplification: floods in forged names, and what comes of them", "[chain][flood]") {
  const bool v6 = GENERATE(false, true);
  for (const Kind& kind : kinds()) {
    std::optional<Tally> other;
    for (const auto& [aim, name] : kAims) {
      if (aim < kind.first) continue;
      CAPTURE(v6, kind.name, name);
      const Tally t = flood(kind, v6, aim);
      CHECK(t.in >= kFlood);
      CHECK(t.out <= t.in);
      CHECK(t.out == kind.answers);
      CHECK(t.repeated == kind.repeated);
      CHECK(t.repeated <= t.out);
      if (t.out != 0) CHECK(t.most <= kind.longer);
      CHECK(t.out_bytes <= t.in_bytes + t.out * 4);
      CHECK(t.reached == 0);
      // No oracle: as many answers, repetitions and bytes whoever is behind.
      if (other) CHECK(t == *other);
      other = t;
    }
  }
}

TEST_CASE("amplification: the figures", "[.][figures]") {
  fmt::print(
      "| Flood of {} | family | frames in | out | repeated | bytes in | out | repeated | "
      "longest answer |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
      kFlood);
  for (const Kind& kind : kinds())
    for (const bool v6 : {false, true}) {
      const Tally t = flood(kind, v6, Aim::dark);
      fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", kind.name,
                 v6 ? "IPv6" : "IPv4", t.in, t.out, t.repeated, t.in_bytes, t.out_bytes,
                 t.repeated_bytes, t.out == 0 ? "" : fmt::format("{:+} bytes", t.most));
    }
}

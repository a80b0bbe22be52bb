// SPDX-License-Identifier: BSD-3-Clause
#include "segments.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "../packet/probe_frames.hpp"
#include "packet/parse.hpp"

namespace mitibox::test {

namespace {

constexpr std::uint16_t kL3 = 14;

std::uint16_t header_length(bool v6) {
  return v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
}

std::size_t options_of(const Segment& s) {
  return (s.scale < 0 ? 0U : 4U) + (s.sack ? 4U : 0U);
}

void write_tcp(std::uint8_t* at, const Flow& flow, const Segment& s) {
  const bool outside = s.from == Out;
  TcpHeader tcp{};
  tcp.source_port = be16(outside ? flow.outside_port : flow.inside_port);
  tcp.destination_port = be16(outside ? flow.inside_port : flow.outside_port);
  tcp.sequence = be32(s.sequence);
  tcp.acknowledgement = be32(s.acknowledgement);
  tcp.offset_reserved = static_cast<std::uint8_t>((sizeof tcp + options_of(s)) / 4U << 4U);
  tcp.flags = s.flags;
  tcp.window = be16(s.window);
  std::memcpy(at, &tcp, sizeof tcp);
  std::uint8_t* option = at + sizeof tcp;
  if (s.scale >= 0) {
    const std::uint8_t words[4] = {tcp::kOptionNop, tcp::kOptionWindowScale, 3,
                                   static_cast<std::uint8_t>(s.scale)};
    option = std::copy(std::begin(words), std::end(words), option);
  }
  constexpr std::uint8_t kSack[4] = {tcp::kOptionNop, tcp::kOptionNop, tcp::kOptionSackPermitted,
                                     2};
  if (s.sack) std::copy(std::begin(kSack), std::end(kSack), option);
}

}  // namespace

std::string name(TcpState state) {
  static const char* const names[] = {"syn_sent", "simultaneous", "syn_received", "established",
                                      "closing",  "last_ack",     "time_wait",    "reset"};
  return names[static_cast<std::size_t>(state)];
}

Policy Bench::quiet() {
  Policy p;
  p.timeouts.grace = Seconds(0);
  p.normalise.isn = false;
  return p;
}

Policy Bench::graceful() {
  Policy p;
  p.timeouts.grace = std::chrono::hours(2);
  p.normalise.isn = false;
  return p;
}

Bench::Bench(std::uint32_t capacity, const Policy& policy, const Mapping::Place* place,
             const std::string& name)
    : tracker(policy, {name, {1, 2}, {3, 4}, capacity, capacity, place}),
      frame_(rte_pktmbuf_alloc(probe_pool())) {
  REQUIRE(frame_ != nullptr);
  rte_pktmbuf_append(frame_, 1514);
}

Bench::~Bench() {
  rte_pktmbuf_free(frame_);
}

void Bench::address(std::uint8_t* l3, const Flow& f, Side from, std::uint8_t protocol) const {
  const std::uint32_t outside = f.outside_host;
  const std::uint32_t inside = f.inside_host;
  if (!f.v6) {
    Ipv4Header ip{};
    ip.version_ihl = 0x45;
    ip.protocol = protocol;
    const be32 o(0x0a000000U + outside);
    const be32 i(0xcb000000U + inside);
    ip.source = from == Out ? o : i;
    ip.destination = from == Out ? i : o;
    std::memcpy(l3, &ip, sizeof ip);
    return;
  }
  Ipv6Header ip{};
  ip.version_class_flow = be32(6U << 28U);
  ip.next_header = protocol;
  const auto fill = [](std::array<std::uint8_t, 16>& a, std::uint8_t net, std::uint32_t host) {
    a = {0x20, 0x01, 0x0d, 0xb8, net};
    const be32 last(host);
    std::memcpy(&a[12], &last, 4);
  };
  fill(from == Out ? ip.source : ip.destination, 1, outside);
  fill(from == Out ? ip.destination : ip.source, 2, inside);
  std::memcpy(l3, &ip, sizeof ip);
}

Packet Bench::make(const Flow& f, std::uint8_t protocol, Side from) {
  Packet p;
  p.frame = frame_;
  p.bytes = rte_pktmbuf_mtod(frame_, std::uint8_t*);
  p.from = from;
  p.klass = from == Out ? Class::inbound : Class::outbound;
  p.family = f.v6 ? Family::v6 : Family::v4;
  p.protocol = protocol;
  p.l3 = kL3;
  p.l4 = p.payload = p.end = static_cast<std::uint16_t>(kL3 + header_length(f.v6));
  address(p.data() + kL3, f, from, protocol);
  return p;
}

Packet Bench::make(const Flow& f, const Segment& s) {
  Packet p = make(f, protocol::kTcp, s.from);
  write_tcp(p.data() + p.l4, f, s);
  p.payload = static_cast<std::uint16_t>(p.l4 + sizeof(TcpHeader) + options_of(s));
  p.end = static_cast<std::uint16_t>(p.payload + s.length);
  p.source_port = p.tcp().source_port.host();
  p.destination_port = p.tcp().destination_port.host();
  p.tcp_flags = s.flags;
  p.sequence = s.sequence;
  p.acknowledgement = s.acknowledgement;
  p.window = s.window;
  return p;
}

std::string Bench::run(Packet& p, bool accept) {
  const Now t = now();
  tracker.lookup({&p, 1});
  tracker.track(p, t);
  if (p.verdict == Verdict::divert) {
    REQUIRE(p.standing == Standing::known);
    challenge = tracker.challenge(p, t);
    return "challenge";
  }
  if (p.verdict == Verdict::pending && p.standing == Standing::opening) {
    if (!accept && p.from == Out) return "opening";
    tracker.open(p, t);
    if (p.verdict == Verdict::forward) return "open";
  }
  if (p.verdict == Verdict::pending) {
    REQUIRE(p.standing == Standing::stray);
    tracker.reconsider(p, t);
    if (p.verdict == Verdict::pending) tracker.pick_up(p, host_lives, t);
  }
  if (p.verdict == Verdict::pending) return "stray";
  if (p.verdict == Verdict::forward) return "forward";
  REQUIRE(p.verdict == Verdict::drop);
  return std::string(row(p.reason).name);
}

std::string Bench::send(const Flow& f, const Segment& s) {
  last_ = make(f, s);
  return run(last_, true);
}

Segment Bench::sent() const {
  const TcpHeader& tcp = last_.tcp();
  Segment s;
  s.from = last_.from;
  s.flags = tcp.flags;
  s.sequence = tcp.sequence.host();
  s.acknowledgement = tcp.acknowledgement.host();
  s.length = last_.payload_length();
  s.window = tcp.window.host();
  const SynOffer offer = read_offer(last_);
  s.scale = offer.scaled() ? offer.window_scale : -1;
  s.sack = offer.sack;
  return s;
}

std::string Bench::send(const Segment& s) {
  return send(flow, s);
}

std::string Bench::judge(const Segment& s) {
  Packet p = make(flow, s);
  return run(p, false);
}

std::string Bench::udp(const Flow& f, Side from) {
  Packet p = make(f, protocol::kUdp, from);
  p.source_port = from == Out ? f.outside_port : f.inside_port;
  p.destination_port = from == Out ? f.inside_port : f.outside_port;
  return run(p, true);
}

std::string Bench::udp(Side from) {
  return udp(flow, from);
}

std::string Bench::echo(Side from, bool request, std::uint16_t id) {
  Packet p = make(flow, flow.v6 ? protocol::kIcmpv6 : protocol::kIcmp, from);
  IcmpHeader icmp{};
  if (flow.v6)
    icmp.type = request ? icmp6::kEcho : icmp6::kEchoReply;
  else
    icmp.type = request ? icmp4::kEcho : icmp4::kEchoReply;
  icmp.id = be16(id);
  std::memcpy(p.data() + p.l4, &icmp, sizeof icmp);
  p.source_port = p.destination_port = id;
  p.payload = p.end = static_cast<std::uint16_t>(p.l4 + sizeof icmp);
  return run(p, true);
}

std::string Bench::other(Side from, std::uint8_t protocol) {
  Packet p = make(flow, protocol, from);
  return run(p, true);
}

std::string Bench::error(const Error& e, std::uint8_t protocol,
                         const std::vector<std::uint8_t>& quoted, Side quoted_from) {
  Flow around = flow;
  (e.from == Out ? around.outside_host : around.inside_host) = e.router;
  if (e.to_other) ++(e.from == Out ? around.inside_host : around.outside_host);
  Packet p = make(around, flow.v6 ? protocol::kIcmpv6 : protocol::kIcmp, e.from);
  IcmpHeader icmp{};
  icmp.type = e.type;
  icmp.code = e.code;
  std::memcpy(p.data() + p.l4, &icmp, sizeof icmp);
  p.payload = static_cast<std::uint16_t>(p.l4 + sizeof icmp);
  address(p.data() + p.payload, flow, quoted_from, protocol);
  const std::size_t bytes = std::min(e.quote_bytes, quoted.size());
  const std::size_t at = p.payload + header_length(flow.v6);
  std::memcpy(p.data() + at, quoted.data(), bytes);
  p.end = static_cast<std::uint16_t>(at + bytes);
  return run(p, true);
}

std::string Bench::error(const Error& e, const Segment& s) {
  std::vector<std::uint8_t> quoted(24);
  write_tcp(quoted.data(), flow, s);
  return error(e, protocol::kTcp, quoted, s.from);
}

void Bench::wait(std::chrono::milliseconds span, std::chrono::milliseconds step) {
  for (const Time end = now_ + span; now_ < end;) {
    now_ += std::min<Time>(step, end - now_);
    tracker.sweep(now());
  }
}

const Connection* Bench::record(const Flow& f, std::uint8_t protocol) {
  Packet p = make(f, protocol, Out);
  if (protocol == protocol::kTcp || protocol == protocol::kUdp) {
    p.source_port = f.outside_port;
    p.destination_port = f.inside_port;
  }
  set_flow_key(p, Out);
  const ConnectionTable& t = tracker.table(p.family);
  const std::int32_t at = t.find(p.key.words.data(), t.hash(p.key.words.data()));
  return at < 0 ? nullptr : &t[at];
}

void Bench::establish(Side opener) {
  const Side peer = mitibox::other(opener);
  REQUIRE(send({.from = opener, .flags = S, .sequence = 1000, .scale = 7}) == "open");
  REQUIRE(
      send({.from = peer, .flags = SA, .sequence = 5000, .acknowledgement = 1001, .scale = 7}) ==
      "forward");
  REQUIRE(send({.from = opener, .sequence = 1001, .acknowledgement = 5001, .window = 512}) ==
          "forward");
  REQUIRE(send({.from = peer, .sequence = 5001, .acknowledgement = 1001, .window = 512}) ==
          "forward");
  REQUIRE(name(record()->state) == "established");
}

}  // namespace mitibox::test

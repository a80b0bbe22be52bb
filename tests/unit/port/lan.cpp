// SPDX-License-Identifier: BSD-3-Clause
#include "lan.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "base/eal.hpp"
#include "packet/checksum.hpp"

namespace mitibox::test {

namespace {

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  std::istringstream in{std::string(text)};
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

std::vector<std::string> words(const Line& line) {
  return split(line.what, ' ');
}

Address address(const std::string& text) {
  return parse_address(text).value();
}

template <typename T>
void append(Bytes& out, const T& value) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), at, at + sizeof value);
}

std::string name(const Mac& m) {
  if (m == kBroadcastMac) return "*";
  if (m == Mac{}) return "0";
  if (m == mac("BOX")) return "BOX";
  for (const char side : {'R', 'H'})
    for (char n = '1'; n <= '9'; ++n)
      if (const std::string s{side, n}; m == mac(s)) return s;
  if (m.bytes[0] == 0x33) return m.bytes[2] == 0xff ? "solicited" : "all-nodes";
  return "?";
}

struct Ends {
  Mac source, destination;
};
Ends ends(const Line& line) {
  const auto parts = split(line.link, '>');
  return {mac(parts.at(0)), mac(parts.at(1))};
}

Bytes start(const Line& line, std::uint16_t type) {
  Bytes out;
  append(out, ends(line).destination);
  append(out, ends(line).source);
  const auto vlans = split(line.vlan, '.');
  for (std::size_t i = 0; i < vlans.size(); ++i) {
    const bool outer = vlans.size() == 2 && i == 0;
    append(out, be16(outer ? ethertype::kQinq : ethertype::kVlan));
    append(out, be16(static_cast<std::uint16_t>(std::stoi(vlans[i]) | 0x6000)));
  }
  append(out, be16(type));
  return out;
}

struct Layer2 {
  Mac destination, source;
  std::string vlan;
  std::uint8_t tags = 0;
  std::uint16_t type = 0;
  std::uint16_t l3 = 0;
};
Layer2 read(const Bytes& frame) {
  Layer2 r;
  const auto* ether = reinterpret_cast<const EtherHeader*>(frame.data());
  r.destination = ether->destination;
  r.source = ether->source;
  r.type = ether->type.host();
  r.l3 = sizeof(EtherHeader);
  while (r.type == ethertype::kVlan || r.type == ethertype::kQinq) {
    const auto* tag = reinterpret_cast<const VlanTag*>(frame.data() + r.l3);
    if (r.tags != 0) r.vlan.push_back('.');
    r.vlan += std::to_string(tag->control.host() & 0xfffU);
    r.type = tag->type.host();
    ++r.tags;
    r.l3 = static_cast<std::uint16_t>(r.l3 + sizeof(VlanTag));
  }
  return r;
}

std::string describe_arp(const ArpPacket& a) {
  const std::string s = to_string(Address(a.sender_ip));
  const std::string t = to_string(Address(a.target_ip));
  if (a.operation.host() == 1) return "who-has " + t + " tell " + s + " " + name(a.sender_mac);
  return s + " is-at " + name(a.sender_mac) + " to " + t + " " + name(a.target_mac);
}

std::string describe_nd(const Bytes& frame, std::size_t l3) {
  const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame.data() + l3);
  const auto& m = *reinterpret_cast<const NdMessage*>(frame.data() + l3 + sizeof ip);
  const std::uint16_t length = ip.payload_length.host();
  REQUIRE(frame.size() >= l3 + sizeof ip + length);
  REQUIRE(fold(pseudo_sum(ip, protocol::kIcmpv6, length) +
               sum_bytes(reinterpret_cast<const std::uint8_t*>(&m), length)) == 0xffff);
  REQUIRE(ip.hop_limit == 255);
  std::string option;
  if (length == sizeof m + sizeof(NdLinkOption)) {
    const auto& o = *reinterpret_cast<const NdLinkOption*>(&m + 1);
    option = fmt::format(" {}={}", o.head.type, name(o.mac));
  }
  const std::string from = to_string(Address(ip.source)) + ">" + to_string(Address(ip.destination));
  const std::string target = to_string(Address(m.target));
  if (m.type == icmp6::kNeighbourSolicitation) return "NS " + target + " " + from + option;
  std::string flags;
  if ((m.flags.host() & kNdRouter) != 0) flags += "R";
  if ((m.flags.host() & kNdSolicited) != 0) flags += "S";
  if ((m.flags.host() & kNdOverride) != 0) flags += "O";
  return "NA " + target + " " + from + " " + flags + option;
}

rte_mempool* create_pool(const std::string& name, unsigned buffers) {
  static int number = 0;
  const std::string unique = name + std::to_string(number++);
  return rte_pktmbuf_pool_create(unique.c_str(), buffers, 0, 0, 2048, SOCKET_ID_ANY);
}

}  // namespace

Mac mac(std::string_view n) {
  if (n == "*") return kBroadcastMac;
  if (n == "0") return {};
  if (n == "BOX") return {{2, 0, 0, 0xb0, 0, 0xb0}};
  if (n.find(':') != std::string_view::npos) return group_mac(address(std::string(n)).bytes);
  return {{2, 0, 0, static_cast<std::uint8_t>(n[0]), 0, static_cast<std::uint8_t>(n[1])}};
}

Bytes arp(const Line& line) {
  const auto w = words(line);
  ArpPacket a = blank_arp();
  a.sender_mac = ends(line).source;
  if (w.at(0) == "who-has") {
    a.operation = be16(1);
    a.target_ip = address(w.at(1)).v4();
    a.sender_ip = address(w.at(3)).v4();
  } else {
    a.operation = be16(2);
    a.sender_ip = address(w.at(0)).v4();
    a.target_ip = address(w.at(3)).v4();
    a.target_mac = ends(line).destination;
  }
  Bytes out = start(line, ethertype::kArp);
  append(out, a);
  return out;
}

Bytes nd(const Line& line) {
  const auto w = words(line);
  const bool asks = w.at(0) == "who-has";
  const Address source = address(asks ? w.at(3) : w.at(0));
  const bool router = w.back() == "router";
  const bool proxied = !asks && w.size() > (router ? 5U : 4U);
  const Address target = address(asks ? w.at(1) : proxied ? w.at(4) : w.at(0));
  NdMessage m{};
  if (router) m.flags = be32(kNdRouter);
  m.type = asks ? icmp6::kNeighbourSolicitation : icmp6::kNeighbourAdvertisement;
  m.target = target.bytes;
  const bool option = source != Address();
  Ipv6Header ip{};
  ip.version_class_flow = be32(6U << 28U);
  ip.payload_length = be16(static_cast<std::uint16_t>(sizeof m + (option ? 8 : 0)));
  ip.next_header = protocol::kIcmpv6;
  ip.hop_limit = 255;
  ip.source = source.bytes;
  ip.destination = asks ? solicited_node(target.bytes) : address(w.at(3)).bytes;
  Bytes body;
  append(body, m);
  const std::uint8_t type = asks ? kNdSourceLink : kNdTargetLink;
  if (option) append(body, NdLinkOption{{type, 1}, ends(line).source});
  const be16 sum =
      checksum_of(pseudo_sum(ip, protocol::kIcmpv6, static_cast<std::uint32_t>(body.size())) +
                  sum_bytes(body.data(), body.size()));
  std::memcpy(&body[2], &sum, sizeof sum);
  Bytes out = start(line, ethertype::kIpv6);
  append(out, ip);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Bytes udp(const Line& line) {
  const auto w = words(line);
  const Address s = address(w.at(0));
  const Address t = address(w.at(2));
  Bytes out = start(line, s.is_v4() ? ethertype::kIpv4 : ethertype::kIpv6);
  if (s.is_v4()) {
    append(out, Ipv4Header{0x45, 0, be16(28), {}, {}, 64, protocol::kUdp, {}, s.v4(), t.v4()});
  } else {
    append(out, Ipv6Header{be32(6U << 28U), be16(8), protocol::kUdp, 64, s.bytes, t.bytes});
  }
  append(out, UdpHeader{be16(1000), be16(53), be16(8), {}});
  return out;
}

std::string describe(const Bytes& frame) {
  const Layer2 r = read(frame);
  std::string what = "other";
  if (r.type == ethertype::kArp)
    what = describe_arp(*reinterpret_cast<const ArpPacket*>(frame.data() + r.l3));
  else if (r.type == ethertype::kIpv6 && frame[r.l3 + 6U] == protocol::kIcmpv6)
    what = describe_nd(frame, r.l3);
  else
    what = "ip";
  what += " | " + name(r.source) + ">" + name(r.destination);
  return r.vlan.empty() ? what : what + " | " + r.vlan;
}

Lan::Lan(const Policy& policy, unsigned buffers, Neighbours::Role role)
    : pool_(create_pool("lan", buffers)),
      received_(create_pool("lan-received", 63)),
      neighbours_(policy, mac("BOX"), pool_, role) {
  REQUIRE(pool_ != nullptr);
  REQUIRE(received_ != nullptr);
}

Lan::~Lan() {
  // Whatever was made was handed out and freed again.
  CHECK(rte_mempool_in_use_count(pool_) == 0);
  rte_mempool_free(pool_);
  rte_mempool_free(received_);
}

Neighbours::Output Lan::output() const {
  Neighbours::Output out;
  out.count = Neighbours::kMaxFrames - room_;
  return out;
}

void Lan::collect(Neighbours::Output& out) {
  REQUIRE(out.count <= Neighbours::kMaxFrames);
  for (std::size_t i = Neighbours::kMaxFrames - room_; i < out.count; ++i) {
    rte_mbuf* m = out.frames[i].frame;
    const auto* at = rte_pktmbuf_mtod(m, const std::uint8_t*);
    sent_.push_back({out.frames[i].to, describe(Bytes(at, at + m->data_len)),
                     std::chrono::duration_cast<std::chrono::milliseconds>(now_)});
    rte_pktmbuf_free(m);
  }
}

void Lan::wait(std::chrono::milliseconds span, std::chrono::milliseconds step) {
  for (const Time end = now_ + span; now_ < end;) {
    now_ += step;
    Neighbours::Output out = output();
    neighbours_.tick(now(), out);
    collect(out);
  }
}

Packet Lan::parse(Side side, const Bytes& frame) {
  rte_mbuf* m = rte_pktmbuf_alloc(received_);
  REQUIRE(m != nullptr);
  std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
              frame.size());
  const Layer2 r = read(frame);
  Packet p;
  p.frame = m;
  p.bytes = rte_pktmbuf_mtod(m, std::uint8_t*);
  p.from = side;
  p.klass = Class::neighbour;
  p.tags = r.tags;
  p.ether_type = r.type;
  p.l3 = r.l3;
  p.end = static_cast<std::uint16_t>(frame.size());
  if (r.type == ethertype::kIpv4) {
    p.family = Family::v4;
    p.protocol = p.ipv4().protocol;
    p.l4 = static_cast<std::uint16_t>(r.l3 + sizeof(Ipv4Header));
  } else if (r.type == ethertype::kIpv6) {
    p.family = Family::v6;
    p.protocol = p.ipv6().next_header;
    p.l4 = static_cast<std::uint16_t>(r.l3 + sizeof(Ipv6Header));
  }
  return p;
}

std::string Lan::from(Side side, const Bytes& frame) {
  Packet p = parse(side, frame);
  Neighbours::Output out = output();
  neighbours_.process(p, now(), out);
  collect(out);
  const std::uint8_t* at = p.data();
  const Bytes after(at, at + p.frame->data_len);
  rte_pktmbuf_free(p.frame);
  last_.clear();
  if (p.verdict != Verdict::forward) {
    REQUIRE((p.verdict == Verdict::drop || p.verdict == Verdict::consumed));
    REQUIRE((p.verdict == Verdict::drop) == (row(p.reason).kind == ReasonKind::drop));
    return std::string(row(p.reason).name);
  }
  // Only the destination MAC of what goes on may change.
  REQUIRE(std::equal(after.begin() + 6, after.end(), frame.begin() + 6, frame.end()));
  last_ = name(read(after).destination);
  return "forward";
}

void Lan::traffic(const Bytes& frame) {
  const Packet p = parse(Side::inside, frame);
  Neighbours::Output out = output();
  neighbours_.seen_inside(p, now(), out);
  collect(out);
  rte_pktmbuf_free(p.frame);
}

std::string Lan::corrected(const Bytes& frame) {
  Packet p = parse(Side::outside, frame);
  const bool reaches = neighbours_.correct_destination(p);
  const std::uint8_t* at = p.data();
  const std::string line = describe(Bytes(at, at + p.frame->data_len));
  rte_pktmbuf_free(p.frame);
  return reaches ? line : "";
}

std::vector<Sent> Lan::take_timed() {
  return std::exchange(sent_, {});
}

std::vector<std::string> Lan::take() {
  std::vector<std::string> lines;
  for (const Sent& s : take_timed())
    lines.push_back((s.to == Side::outside ? "outside: " : "inside: ") + s.line);
  return lines;
}

Policy policy_with(const std::vector<std::string>& dark) {
  Policy p;
  p.protected_prefixes = {parse_prefix("192.0.2.0/24").value(),
                          parse_prefix("2001:db8::/64").value()};
  p.gateways = {address("192.0.2.1"), address("2001:db8::1")};
  for (const std::string& d : dark) p.neighbours.answer_dark.push_back(parse_prefix(d).value());
  return p;
}

Policy asking_hosts(const std::vector<std::string>& dark) {
  Policy p = policy_with(dark);
  p.neighbours.answer_live = false;
  return p;
}

}  // namespace mitibox::test

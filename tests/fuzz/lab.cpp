// SPDX-License-Identifier: BSD-3-Clause
#include "lab.hpp"

#include <fmt/format.h>
#include <rte_mempool.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/eal.hpp"
#include "base/poison.hpp"

namespace mitibox::fuzz {

namespace {

constexpr unsigned kReceived = 511;
constexpr unsigned kMade = 127;
constexpr std::size_t kEther = 14;

rte_mempool* received;
rte_mempool* made;

std::uint16_t u16_at(std::span<const std::uint8_t> b, std::size_t at) {
  return static_cast<std::uint16_t>(b[at] << 8 | b[at + 1]);
}
std::uint32_t u32_at(std::span<const std::uint8_t> b, std::size_t at) {
  return std::uint32_t{u16_at(b, at)} << 16U | u16_at(b, at + 2);
}
void put16(std::span<std::uint8_t> b, std::size_t at, std::size_t value) {
  b[at] = static_cast<std::uint8_t>(value >> 8U);
  b[at + 1] = static_cast<std::uint8_t>(value);
}

/// Where the parts of an Ethernet frame of IP lie, as far as it can be told.
struct Parts {
  bool v4 = false, v6 = false, whole = false;  ///< whole: no fragment, no extension header
  std::uint8_t protocol = 0;
  std::size_t l3 = kEther, l4 = 0, end = 0;
};

Parts parts_of(std::span<const std::uint8_t> f) {
  Parts p;
  if (f.size() < kEther) return p;
  while (f.size() >= p.l3 + 4 && (u16_at(f, p.l3 - 2) == 0x8100 || u16_at(f, p.l3 - 2) == 0x88a8 ||
                                  u16_at(f, p.l3 - 2) == 0x9100))
    p.l3 += 4;
  const std::uint16_t type = u16_at(f, p.l3 - 2);
  if (type == 0x0800 && f.size() >= p.l3 + 20 && f[p.l3] >> 4U == 4) {
    p.l4 = p.l3 + (f[p.l3] & 15U) * 4U;
    p.end = p.l3 + u16_at(f, p.l3 + 2);
    p.v4 = p.l4 >= p.l3 + 20 && p.l4 <= p.end && p.end <= f.size();
    p.whole = (u16_at(f, p.l3 + 6) & 0x3fffU) == 0;
    p.protocol = f[p.l3 + 9];
  } else if (type == 0x86dd && f.size() >= p.l3 + 40 && f[p.l3] >> 4U == 6) {
    p.l4 = p.l3 + 40;
    p.end = p.l4 + u16_at(f, p.l3 + 4);
    p.v6 = p.end <= f.size();
    p.protocol = f[p.l3 + 6];
    p.whole = p.protocol == 6 || p.protocol == 17 || p.protocol == 58;
  }
  return p;
}

std::uint32_t pseudo(std::span<const std::uint8_t> f, const Parts& p) {
  std::uint32_t sum = p.protocol + static_cast<std::uint32_t>(p.end - p.l4);
  const std::size_t from = p.l3 + (p.v4 ? 12 : 8);
  for (std::size_t at = from; at < from + (p.v4 ? 8 : 32); at += 2) sum += u16_at(f, at);
  return sum;
}

/// Where the transport header has its checksum; 0: there is none, or not this one.
std::size_t checksum_at(const Parts& p) {
  if (!p.whole) return 0;
  const std::size_t room = p.end - p.l4;
  if (p.protocol == 6 && room >= 20) return 16;
  if (p.protocol == 17 && room >= 8) return 6;
  if (((p.protocol == 1 && p.v4) || (p.protocol == 58 && p.v6)) && room >= 8) return 2;
  return 0;
}

bool has_pseudo(const Parts& p) {
  return p.protocol != 1;
}

/// Whether a frame of a handled class may stand on the wire.
bool sound(std::span<const std::uint8_t> f) {
  const Parts p = parts_of(f);
  if (!p.v4 && !p.v6) return true;
  if (p.v4 && checksum(f.subspan(p.l3, p.l4 - p.l3)) != 0) return false;
  const std::size_t at = checksum_at(p);
  if (at == 0 || (p.protocol == 17 && u16_at(f, p.l4 + at) == 0)) return true;
  return checksum(f.subspan(p.l4, p.end - p.l4), has_pseudo(p) ? pseudo(f, p) : 0) == 0;
}

bool is_protected(std::span<const std::uint8_t> f, std::size_t at, bool v4) {
  if (v4) return f[at] == 203 && f[at + 1] == 0 && f[at + 2] == 113;
  return u32_at(f, at) == 0x20010db8U && u32_at(f, at + 4) == 0x00010000U;
}

/// Between a protected address inside and another outside: nothing else is the chain's to judge.
bool handled(std::span<const std::uint8_t> f, Side to) {
  const Parts p = parts_of(f);
  if (!p.v4 && !p.v6) return false;
  const std::size_t source = p.l3 + (p.v4 ? 12 : 8);
  const std::size_t destination = source + (p.v4 ? 4 : 16);
  const bool inward = to == Side::inside;
  return is_protected(f, inward ? destination : source, p.v4) &&
         !is_protected(f, inward ? source : destination, p.v4);
}

Policy plain() {
  return parse_policy(R"({"protected": ["203.0.113.0/24", "2001:db8:1::/64"],
    "services": [{"address": "203.0.113.10", "tcp": [443], "udp": [53]},
                 {"address": "203.0.113.25", "tcp": [25], "public": true},
                 {"address": "2001:db8:1::10", "tcp": [443], "udp": [53]}],
    "tables": {"connections": 256, "sources": 256, "retransmissions": 1024, "conversations": 64,
               "fragments": 64}})",
                      "plain");
}

std::vector<Policy> all_policies() {
  std::vector<Policy> all(8, plain());
  all[1].probability.drop = 0;
  all[2].admission = Policy::Admission::forward;
  all[2].trust.evidence = Policy::Evidence::weighted;
  all[2].probability.drop = 0;
  all[3] = all[1];
  all[3].reply.surface = Policy::Surface::sparse;
  all[3].neighbours.answer_dark = {parse_prefix("203.0.113.0/26").value()};
  all[4] = all[1];
  all[4].reply.voices = {{{{0, 65535}}, "SSH-2.0-OpenSSH_9.2\r\n", "bad\r\n"}};
  all[5] = all[1];
  all[5].mode = Policy::Mode::monitor;
  all[6] = all[1];
  all[6].trust.evidence = Policy::Evidence::attempt;
  all[6].timeouts.grace = Policy{}.timeouts.half_open;
  all[6].learn.length = Policy{}.timeouts.established;
  all[6].learn.ports = {{1, 65535}};
  all[6].learn.share = 1;
  all[7] = all[2];
  all[7].normalise.headers = all[7].normalise.options = false;
  all[7].normalise.isn = all[7].normalise.sack = all[7].normalise.segments = false;
  all[7].reply.udp = Policy::UdpReply::unreachable;
  return all;
}

}  // namespace

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

std::span<const std::uint8_t> Input::take(std::size_t most) {
  const auto part = left_.first(std::min(most, left_.size()));
  left_ = left_.subspan(part.size());
  return part;
}

std::uint8_t Input::u8() {
  const auto part = take(1);
  return part.empty() ? std::uint8_t{0} : part[0];
}
std::uint16_t Input::u16() {
  const std::uint8_t high = u8();
  return static_cast<std::uint16_t>(high << 8 | u8());
}
std::uint32_t Input::u32() {
  const std::uint16_t high = u16();
  return std::uint32_t{high} << 16U | u16();
}

void begin(const char* name) {
  if (received != nullptr) return;
  start_offline_eal(name, 256);
  // Without caches: what is free can be counted, and taken.
  const auto pool = [](const char* of, unsigned count) {
    return rte_pktmbuf_pool_create(of, count, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  };
  received = pool("received", kReceived);
  made = pool("made", kMade);
  must(received != nullptr && made != nullptr, "there is memory for buffers");
  std::atexit([] { stop_offline_eal(); });
}

const Policy& policy_of(std::uint8_t number) {
  static const std::vector<Policy> all = all_policies();
  return all[number % all.size()];
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum) {
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) sum += u16_at(bytes, at);
  if (bytes.size() % 2 != 0) sum += std::uint32_t{bytes.back()} << 8U;
  while (sum >> 16U != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void make_sound(Bytes& f) {
  const Parts p = parts_of(f);
  if (p.v4) {
    put16(f, p.l3 + 10, 0);
    put16(f, p.l3 + 10, checksum(std::span(f).subspan(p.l3, p.l4 - p.l3)));
  }
  if (!p.v4 && !p.v6) return;
  const std::size_t at = checksum_at(p);
  if (at == 0) return;
  if (p.protocol == 17) put16(f, p.l4 + 4, p.end - p.l4);
  put16(f, p.l4 + at, 0);
  const std::uint16_t sum =
      checksum(std::span(f).subspan(p.l4, p.end - p.l4), has_pseudo(p) ? pseudo(f, p) : 0);
  put16(f, p.l4 + at, p.protocol == 17 && sum == 0 ? 0xffff : sum);
}

std::uint16_t Lab::Port::send(Side to, rte_mbuf** frames, std::uint16_t count) {
  const std::uint16_t n = std::min(count, takes);
  for (std::uint16_t i = 0; i < n; ++i) {
    must(frames[i]->nb_segs == 1 && frames[i]->pkt_len == frames[i]->data_len, "one segment");
    must(frames[i]->data_len >= 60, "no frame is shorter than Ethernet's minimum");
    const std::span f(rte_pktmbuf_mtod(frames[i], const std::uint8_t*), frames[i]->data_len);
    if (!monitor && handled(f, to) && !sound(f)) {
      for (const std::uint8_t byte : f) std::fprintf(stderr, "%02x", byte);
      must(false,
           to == Side::inside ? ": what leaves inside is sound" : ": what leaves outside is sound");
    }
    const Parts p = parts_of(f);
    if ((p.v4 || p.v6) && p.whole && p.protocol == 6 && p.end - p.l4 >= 20)
      last[index(to)] = {u32_at(f, p.l4 + 4), u32_at(f, p.l4 + 8)};
    if (listener) listener(to, f);
    rte_pktmbuf_free(frames[i]);
  }
  sent[index(to)] += n;
  return n;
}

Lab::Lab(const Policy& policy) {
  port_.monitor = policy.mode == Policy::Mode::monitor;
  Chain::Config config{"fuzz", 1, Secrets::derive({3, 4}), {{2, 0, 0, 0, 0xb0, 0xb0}}, made};
  config.findings = &findings_;
  config.held_fragments = 64;
  chain_ = std::make_unique<Chain>(policy, config, port_);
}

Lab::~Lab() {
  starve(false);
  port_.takes = UINT16_MAX;
  chain_->transmit().flush();
  chain_->finish();
  check(true);
  chain_.reset();
  must(rte_mempool_in_use_count(received) == 0, "every received buffer came back");
  must(rte_mempool_in_use_count(made) == 0, "every made buffer came back");
}

void Lab::send(Side from, std::span<const std::uint8_t> bytes) {
  rte_mbuf* m = rte_pktmbuf_alloc(received);
  must(m != nullptr, "there is a buffer to receive into");
  const auto size =
      static_cast<std::uint16_t>(std::min<std::size_t>(bytes.size(), rte_pktmbuf_tailroom(m)));
  if (size != 0) std::memcpy(rte_pktmbuf_append(m, size), bytes.data(), size);
  poison_frame(m);
  chain_->process(from, {&m, 1}, Now(now_));
  chain_->transmit().flush();
  check();
}

void Lab::step(Time span) {
  constexpr int kTicks = 8;
  for (int i = 0; i < kTicks; ++i) {
    now_ += span / kTicks;
    chain_->tick(Now(now_));
  }
  chain_->transmit().flush();
  check();
}

void Lab::starve(bool yes) {
  if (yes)
    while (rte_mbuf* m = rte_pktmbuf_alloc(made)) taken_.push_back(m);
  else
    for (rte_mbuf* m : std::exchange(taken_, {})) rte_pktmbuf_free(m);
}

void Lab::check(bool over) {
  const Counters& c = chain_->counters();
  std::uint64_t came = 0;
  std::uint64_t left = c.held.get();
  for (std::size_t side = 0; side < kSides; ++side) {
    came += c.received[side].get();
    left += c.forwarded[side].get() + c.refused[side].get();
    must(port_.sent[side] == c.forwarded[side].get() + c.made[side].get(),
         "what was sent is what was forwarded and made");
  }
  for (const Counter& e : c.ended) left += e.get();
  must(came >= left, "a frame ends once");
  must(!over || came == left, "every frame received was forwarded, refused, held or ended");
}

}  // namespace mitibox::fuzz

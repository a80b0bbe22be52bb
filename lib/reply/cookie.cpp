// SPDX-License-Identifier: BSD-3-Clause
#include "reply/cookie.hpp"

namespace mitibox {

namespace {

// The floor of each class: IPv4 and IPv6 minima, common tunnels, Ethernet, jumbo frames.
constexpr std::array<std::uint16_t, 8> kMss{64, 536, 1220, 1360, 1400, 1440, 1460, 8940};

std::uint8_t mss_class(std::uint16_t mss) {
  unsigned at_least = 0;
  for (std::size_t i = 1; i < kMss.size(); ++i) at_least += mss >= kMss[i] ? 1U : 0U;
  return static_cast<std::uint8_t>(at_least);
}

// MSS class (3 bits), window scale (4 bits, 15: none), SACK (1 bit): every value is a valid offer.
std::uint8_t pack(const SynOffer& offer) {
  return static_cast<std::uint8_t>(std::uint32_t{mss_class(offer.mss)} << 5U |
                                   (std::uint32_t{offer.window_scale} & 15U) << 1U |
                                   (offer.sack ? 1U : 0U));
}

SynOffer unpack(std::uint8_t bits) {
  return {kMss[bits >> 5U], static_cast<std::uint8_t>(bits >> 1U & 15U), (bits & 1U) != 0};
}

std::uint64_t flow_hash(Key128 key, const Handshake& handshake) {
  std::array<std::uint64_t, 5> words = handshake.flow.words;
  const std::size_t used = handshake.flow.used(handshake.family).size();
  // The last word holds ports below bit 32; above it only the protocol, which is always TCP.
  words[used - 1] ^= std::uint64_t{handshake.client_isn} << 32U;
  return siphash24(key, std::span(words).first(used));
}

std::uint32_t isn_of(std::uint64_t tag, std::uint64_t flow, std::uint8_t offer) {
  return (static_cast<std::uint32_t>(tag) & 0xffffff00U) |
         (offer ^ static_cast<std::uint32_t>(flow & 0xffU));
}

std::uint32_t tag(Key128 key, std::uint64_t flow, std::uint8_t offer) {
  return static_cast<std::uint32_t>(siphash24_of(key, flow, offer)) & 0xffffff00U;
}

}  // namespace

std::uint16_t Cookie::round_mss(std::uint16_t mss) {
  return kMss[mss_class(mss)];
}

Cookie::HourKey Cookie::derive(std::uint64_t hour) const {
  const auto half = [&](std::uint64_t label) { return siphash24_of(secret_, hour, label); };
  return {{half(0), half(1)}, {half(2), half(3)}};
}

void Cookie::turn(Now now) {
  const auto hour = static_cast<std::uint64_t>(now.time / kKeyLife);
  if (hour == hour_) return;
  hour_ = hour;
  keys_ = {derive(hour), derive(hour - 1)};
}

std::uint32_t Cookie::make(const Handshake& handshake, const SynOffer& offer, Now now) {
  turn(now);
  const std::uint64_t flow = flow_hash(keys_[0].flow, handshake);
  const std::uint8_t bits = pack(offer);
  return isn_of(tag(keys_[0].tag, flow, bits), flow, bits);
}

template <std::size_t Words>
void Cookie::make_all(std::span<const Packet* const> syns, std::span<const SynOffer> offers,
                      std::span<std::uint32_t> isns) const {
  std::array<std::array<std::uint64_t, kBurst>, Words> flows;
  std::array<std::array<std::uint64_t, kBurst>, 2> tagged;
  std::array<std::uint64_t, kBurst> tags;
  for (std::size_t i = 0; i < syns.size(); ++i) {
    for (std::size_t w = 0; w < Words; ++w) flows[w][i] = syns[i]->key.words[w];
    flows[Words - 1][i] ^= std::uint64_t{syns[i]->sequence} << 32U;
    tagged[1][i] = pack(offers[i]);
  }
  siphash_columns<2, 4>(keys_[0].flow, flows, syns.size(), tagged[0]);
  siphash_columns<2, 4>(keys_[0].tag, tagged, syns.size(), tags);
  for (std::size_t i = 0; i < syns.size(); ++i)
    isns[i] = isn_of(tags[i], tagged[0][i], static_cast<std::uint8_t>(tagged[1][i]));
}

void Cookie::make(Family family, std::span<const Packet* const> syns,
                  std::span<const SynOffer> offers, Now now, std::span<std::uint32_t> isns) {
  turn(now);
  if (family == Family::v4)
    make_all<kKeySizeV4 / 8>(syns, offers, isns);
  else
    make_all<kKeySizeV6 / 8>(syns, offers, isns);
}

std::optional<SynOffer> Cookie::check(const Handshake& handshake, std::uint32_t isn, Now now) {
  turn(now);
  for (const HourKey& key : keys_) {
    const std::uint64_t flow = flow_hash(key.flow, handshake);
    const auto bits = static_cast<std::uint8_t>(isn ^ flow);
    if (tag(key.tag, flow, bits) == (isn & 0xffffff00U)) return unpack(bits);
  }
  return std::nullopt;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
// N-OUT-13: hosts that open connections offer what the persona offers. What their peers take of it
// and the hosts have not offered themselves, the box keeps from the hosts and does for them.
#include <algorithm>
#include <cstring>

#include "packet/header_room.hpp"
#include "packet/offer.hpp"
#include "packet/persona.hpp"
#include "tracker/sequence.hpp"
#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

bool answers(const Packet& p) {
  return (p.tcp_flags & tcp::kAck) != 0;
}

/// Nobody has taken up the host's offer yet, as far as the host knows.
bool still_offers(const Connection& c) {
  return c.state <= TcpState::syn_received;
}

/// Puts NOPs in the place of the options of these kinds; of a list that the Scrubber has checked.
/// Whether there were any.
bool blot_out(const Packet& p, bool scale, bool sack) {
  bool any = false;
  std::uint8_t* at = p.data() + p.l4 + sizeof(TcpHeader);
  const std::uint8_t* const end = p.data() + p.payload;
  while (at < end && *at != tcp::kOptionEnd) {
    if (*at == tcp::kOptionNop) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) break;
    const std::uint8_t length = at[1];
    if ((scale && *at == tcp::kOptionWindowScale) || (sack && *at == tcp::kOptionSackPermitted)) {
      std::memset(at, tcp::kOptionNop, length);
      any = true;
    }
    at += length;
  }
  return any;
}

}  // namespace

// Only where the connection is translated anyway: another scale is translated with every segment.
// A SYN with data stays as it is, and with it the connection.
void Tracker::pose(const Packet& syn, Connection& c) {
  if (syn.payload != syn.end) return;
  c.posed = true;
  TcpEnd& host = c.ends[index(Side::inside)];
  // What the peer is told. The host's own window follows with its first ACK, before which no peer
  // sends data.
  host.max_window = std::max<std::uint32_t>(host.max_window, kPersonaWindow);
}

void Tracker::settle_pose(const Packet& peer, Connection& c) {
  const SynOffer offer = read_offer(peer);
  c.rescaled = offer.scaled();
  c.client_scale = offer.scaled() ? offer.window_scale & 0x0fU : 0U;
  c.ends[index(Side::outside)].lacks_sack = !offer.sack;
  TcpEnd& host = c.ends[index(Side::inside)];
  host.lacks_sack = host.lacks_sack && offer.sack;
}

// A host that offers less when it repeats its SYN can be relied on for that only, whichever of its
// SYNs the peer answers.
void Tracker::take_offer(const SynOffer& offer, Connection& c) const {
  TcpEnd& host = c.ends[index(Side::inside)];
  TcpEnd& peer = c.ends[index(Side::outside)];
  if (!offer.scaled()) {
    host.scale_offered = false;
    host.scale = peer.scale = 0;
  }
  if (!offer.sack) host.lacks_sack = sacks_ && !peer.lacks_sack;
}

// What a SYN, or SYN/ACK, offers; numbers are translated as in every segment. False when there is
// no room for the persona's options.
bool Tracker::lay_syn(Packet& p, Connection& c) const {
  TcpEnd& host = c.ends[index(Side::inside)];
  if (p.from == Side::outside) {
    if (blot_out(p, !host.scale_offered, host.lacks_sack)) sum_segment(p);
    return true;
  }
  SynOffer offer = read_offer(p);
  if (!answers(p)) {
    if (still_offers(c)) take_offer(offer, c);
    offer.window_scale = kPersonaScale;
    offer.sack = offer.sack || sacks_;
  } else {
    // Of a simultaneous open: its peer has offered, and the host was told less.
    offer.window_scale = c.rescaled ? kPersonaScale : SynOffer::kNoScale;
    offer.sack = offer.sack || host.lacks_sack;
  }
  const SynOptions options(std::min(offer.mss, persona_mss(p.family)), offer, kPersonaScale);
  const auto words = options.words();
  if (!resize_options(p, words.size_bytes())) return false;
  std::memcpy(p.data() + p.l4 + sizeof(TcpHeader), words.data(), words.size_bytes());
  if (!answers(p)) p.tcp().acknowledgement = {};
  // Behind the SYN/ACK its peer may send at once.
  const std::uint32_t window = answers(p) ? p.window : UINT32_MAX;
  p.tcp().window =
      be16(static_cast<std::uint16_t>(std::min<std::uint32_t>(window, kPersonaWindow)));
  sum_segment(p);
  return true;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
// ICMP errors, related to the connection whose packet they quote (RFC 792, RFC 4443, RFC 5927).
#include <algorithm>
#include <cstring>
#include <optional>

#include "packet/checksum.hpp"
#include "packet/cursor.hpp"
#include "packet/parse.hpp"
#include "packet/persona.hpp"
#include "tracker/sequence.hpp"
#include "tracker/tracker.hpp"

namespace mitibox {

namespace {

bool is_port_unreachable(const Packet& p) {
  const IcmpHeader& icmp = p.icmp();
  return p.family == Family::v4 ? icmp.type == icmp4::kUnreachable && icmp.code == icmp4::kCodePort
                                : icmp.type == icmp6::kUnreachable && icmp.code == icmp6::kCodePort;
}

/// The MTU that a link on the way has; nothing when the error is about something else.
std::optional<std::uint32_t> link_mtu(const Packet& p) {
  const IcmpHeader& icmp = p.icmp();
  if (p.family == Family::v6) {
    if (icmp.type != icmp6::kPacketTooBig) return std::nullopt;
    return std::uint32_t{icmp.id.host()} << 16U | icmp.sequence.host();
  }
  if (icmp.type != icmp4::kUnreachable || icmp.code != icmp4::kCodeFragmentationNeeded)
    return std::nullopt;
  return icmp.sequence.host();
}

/// Reads the quoted packet: at least its IP header and the eight bytes that RFC 792 promises.
/// `from` becomes the side that sent it, which is the side that the error travels towards.
bool parse_quote(const Packet& error, Packet& quoted) {
  Cursor at(error.data() + error.payload, error.payload_length());
  quoted.frame = error.frame;
  quoted.bytes = error.bytes;
  quoted.family = error.family;
  quoted.from = other(error.from);
  quoted.l3 = error.payload;
  std::size_t header = sizeof(Ipv6Header);
  if (error.family == Family::v4) {
    const auto* ip = at.peek<Ipv4Header>();
    if (ip == nullptr || ip->version_ihl >> 4U != 4) return false;
    header = ip->header_length();
    quoted.protocol = ip->protocol;
    if (header < sizeof(Ipv4Header) || (ip->fragment.host() & kIpv4OffsetMask) != 0) return false;
  } else {
    const auto* ip = at.peek<Ipv6Header>();
    if (ip == nullptr || ip->version_class_flow.host() >> 28U != 6) return false;
    quoted.protocol = ip->next_header;
  }
  if (!at.skip(header)) return false;
  if (quoted.protocol == protocol::kIpv6Fragment && error.family == Family::v6) {
    // A first fragment too large for a link: path MTU discovery of large datagrams.
    const auto* fragment = at.take<Ipv6FragmentHeader>();
    if (fragment == nullptr || fragment->offset_more.host() >> 3U != 0) return false;
    quoted.protocol = fragment->next_header;
    header += sizeof(Ipv6FragmentHeader);
  }
  quoted.l4 = static_cast<std::uint16_t>(error.payload + header);
  const auto* first = at.peek<UdpHeader>();
  if (first == nullptr) return false;
  if (quoted.protocol == protocol::kTcp || quoted.protocol == protocol::kUdp) {
    quoted.source_port = first->source_port.host();
    quoted.destination_port = first->destination_port.host();
  } else if (quoted.is_icmp()) {
    quoted.source_port = quoted.destination_port = quoted.icmp().id.host();
  }
  if (quoted.protocol == protocol::kTcp) {
    struct Start {
      be16 source, destination;
      be32 sequence;
    };
    quoted.sequence = at.peek<Start>()->sequence.host();
  }
  return true;
}

/// The quote holds the number that the outside was told; its host knows its own. Aligned to 16
/// bits, as headers are.
void rewrite_quoted_sequence(Packet& error, const Packet& quoted) {
  std::uint8_t* const at = error.data() + quoted.l4 + 4;
  be32 told;
  std::memcpy(&told, at, sizeof told);
  const be32 own(quoted.sequence);
  std::memcpy(at, &own, sizeof own);
  IcmpHeader& icmp = error.icmp();
  icmp.checksum = checksum_of(static_cast<std::uint16_t>(~icmp.checksum.raw()) +
                              std::uint64_t{~told.raw()} + own.raw());
}

}  // namespace

bool Tracker::quote_fits(const Packet& error, const Packet& quoted) const {
  if (quoted.protocol != protocol::kTcp) return true;
  const auto& t = table(error.family);
  const TcpEnd& sender = t[error.connection].ends[index(quoted.from)];
  const TcpEnd& receiver = t[error.connection].ends[index(other(quoted.from))];
  // RFC 5927 section 4.1: it must quote something that is still in flight. One octet of slack for
  // a SYN, a window of it where the acknowledgement may have crossed the error.
  const std::uint32_t oldest = receiver.acked - std::max(receiver.max_window, 1U);
  return !seq_before(quoted.sequence, oldest) && !seq_after(quoted.sequence, sender.end);
}

void Tracker::track_error(Packet& p, Now now) {
  relate(p, now);
  if (p.verdict == Verdict::drop && p.exempt) p.forward();
}

/// S-ICMP-5.
bool Tracker::within_rate(const Packet& error, const Packet& quoted, Now now) {
  if (rates_ == nullptr || error.exempt) return true;
  if (error.from == Side::outside)
    return rates_->error_in({quoted.source(), quoted.destination()}, error.source(), now);
  return rates_->error_out({quoted.destination(), quoted.source()}, now);
}

/// What the box has acknowledged for the host its client will not send again in smaller segments.
void Tracker::narrow(const Packet& error, std::uint32_t mtu) {
  Connection& c = record(error);
  if (!splits_ || !c.shifted) return;
  const std::uint32_t headers =
      sizeof(TcpHeader) + (error.family == Family::v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  const std::uint32_t mss = mtu > headers ? mtu - headers : 0;
  TcpEnd& host = c.ends[index(Side::inside)];
  const std::uint32_t now = host.mss != 0 ? host.mss : persona_mss(error.family);
  if (mss < now) host.mss = std::max(static_cast<std::uint16_t>(mss), kLeastMss);
}

void Tracker::relate(Packet& p, Now now) {
  Packet quoted;
  if (!parse_quote(p, quoted)) return p.drop(Reason::icmp_header);
  // What the error quotes must have gone where it now claims to come back from.
  const Address towards = p.destination();
  if (quoted.source() != towards) return p.drop(Reason::icmp_unrelated);
  Side opener = quoted.from;
  if (quoted.is_icmp()) {
    const auto type = quoted.icmp().type;
    const bool v4 = quoted.family == Family::v4;
    // Nobody reports an error about an error (RFC 1122 3.2.2, RFC 4443 2.4).
    if (type == (v4 ? icmp4::kEchoReply : icmp6::kEchoReply))
      opener = other(quoted.from);
    else if (type != (v4 ? icmp4::kEcho : icmp6::kEcho))
      return p.drop(Reason::icmp_unrelated);
  }
  set_flow_key(quoted, opener);
  p.connection = table(p).find(quoted.key.words.data(), table(p).hash(quoted.key.words.data()));
  if (p.connection < 0) return p.drop(Reason::icmp_unrelated);
  const bool translated =
      quoted.protocol == protocol::kTcp && record(p).shifted && quoted.from == Side::inside;
  if (translated) quoted.sequence -= record(p).shift;
  if (!quote_fits(p, quoted)) return p.drop(Reason::icmp_unrelated);
  if (translated) rewrite_quoted_sequence(p, quoted);
  p.standing = Standing::related;
  const Connection& c = record(p);
  if (udp_silent_ && p.from == Side::inside && c.opener == Side::outside &&
      c.protocol == protocol::kUdp && is_port_unreachable(p))
    return p.drop(Reason::udp_unreachable);
  if (p.from == Side::inside && c.opener == Side::outside && c.protocol == protocol::kTcp) {
    const auto mtu = link_mtu(p);
    if (!mtu) return p.drop(Reason::host_error);
    narrow(p, *mtu);
  }
  if (!within_rate(p, quoted, now)) return p.drop(Reason::icmp_error_rate);
  p.forward();
}

}  // namespace mitibox

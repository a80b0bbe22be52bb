// SPDX-License-Identifier: BSD-3-Clause
/// Every reason for which a received frame ends in the box, declared once: the enumerator, the
/// metric's name, what happened, and what an operator can do. Nothing ends anonymously.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mitibox {

// X(enumerator, kind, "metric-name", "cause", "remedy")
// kind: drop = kept from its destination; consume = the box was its proper end.
#define MITIBOX_REASONS(X)                                                                         \
  /* Frame and layer 2 */                                                                          \
  X(frame_truncated, drop, "frame-truncated", "Shorter than its Ethernet header and VLAN tags",    \
    "Look for a broken sender or a capture cut short")                                             \
  X(frame_segments, drop, "frame-segments", "Spread over several buffers too long to join",        \
    "Lower the MTU or raise the ports' buffer size")                                               \
  X(vlan_depth, drop, "vlan-depth", "More than two VLAN tags",                                     \
    "MitiBox reads one or two tags; move it inside the tunnel")                                    \
  X(vlan_restore, drop, "vlan-restore", "No room to put back a VLAN tag that the driver took off", \
    "Switch VLAN offload off on the port")                                                         \
  X(hairpin, drop, "hairpin", "A protected address talks to the protected side of the router",     \
    "Set hairpin to pass when the router connects VLANs across this wire; else look for spoofing") \
  /* IP, rules S-IP4 and S-IP6 */                                                                  \
  X(ip4_header, drop, "ip4-header", "IPv4 version, header length or total length is wrong",        \
    "None: malformed")                                                                             \
  X(ip4_checksum, drop, "ip4-checksum", "IPv4 header checksum is wrong", "None: malformed")        \
  X(ip4_options, drop, "ip4-options", "IPv4 options are present", "None: RFC 7126 advises this")   \
  X(ip4_reserved, drop, "ip4-reserved", "The reserved IPv4 flag is set", "None: malformed")        \
  X(ip_martian, drop, "ip-martian", "The source address cannot be genuine",                        \
    "Filter martians on the border router as well")                                                \
  X(ip_broadcast, drop, "ip-broadcast", "Sent to the broadcast address of a protected prefix",     \
    "None: directed broadcasts amplify")                                                           \
  X(ip6_header, drop, "ip6-header", "IPv6 version or payload length is wrong", "None: malformed")  \
  X(ip6_hop_by_hop, drop, "ip6-hop-by-hop", "An IPv6 Hop-by-Hop header outside MLD",               \
    "None: RFC 9288 advises this")                                                                 \
  X(ip6_routing, drop, "ip6-routing", "An IPv6 Routing header",                                    \
    "Segment routing and Mobile IP do not pass MitiBox")                                           \
  X(ip6_extension, drop, "ip6-extension",                                                          \
    "Destination Options, an unknown extension header, No Next Header, or a chain cut short",      \
    "None: RFC 9288 advises this")                                                                 \
  X(fragment_first, drop, "fragment-first", "A first fragment without its whole transport header", \
    "None: RFC 1858 and RFC 8200 forbid it")                                                       \
  X(fragment_bounds, drop, "fragment-bounds",                                                      \
    "A fragment that is empty, ends between units of 8 bytes, or reaches past 65,535 bytes",       \
    "None: malformed")                                                                             \
  X(fragment_icmp, drop, "fragment-icmp", "A fragmented ICMP message",                             \
    "Ping with less than the MTU")                                                                 \
  X(fragment_overlap, drop, "fragment-overlap",                                                    \
    "Of a datagram whose fragments overlap or contradict each other, or within 2 s behind one",    \
    "None: RFC 5722 forbids it")                                                                   \
  X(fragment_count, drop, "fragment-count",                                                        \
    "Of a datagram in more than 8 fragments, or within 2 s behind one",                            \
    "Raise the MTU of the path, or send smaller datagrams")                                        \
  X(fragment_duplicate, drop, "fragment-duplicate", "A fragment that is here already",             \
    "Expected where a path repeats packets")                                                       \
  X(fragment_timeout, drop, "fragment-timeout",                                                    \
    "The rest of its datagram did not come within 2 s",                                            \
    "Expected on lossy paths; many of them are a flood of fragments")                              \
  X(fragment_table_full, drop, "fragment-table-full",                                              \
    "The oldest of too many incomplete datagrams, of all or of its source",                        \
    "A flood of fragments; else raise tables.fragments")                                           \
  X(fragment_joined, consume, "fragment-joined",                                                   \
    "A fragment whose datagram went on in fewer packets", "Intended")                              \
  X(ip_protocol, drop, "ip-protocol",                                                              \
    "Opens a protocol other than TCP, UDP and ICMP that no service lists",                         \
    "List the protocol under a service")                                                           \
  /* Transport, rules S-TCP, S-UDP, S-ICMP */                                                      \
  X(tcp_header, drop, "tcp-header", "TCP header cut short, or its data offset is wrong",           \
    "None: malformed")                                                                             \
  X(tcp_checksum, drop, "tcp-checksum", "TCP checksum is wrong",                                   \
    "Virtual links: switch checksum offload off on every end")                                     \
  X(tcp_port, drop, "tcp-port", "TCP port 0", "None: malformed")                                   \
  X(tcp_flags, drop, "tcp-flags", "A combination of TCP flags that no stack sends",                \
    "None: a scanner's probe")                                                                     \
  X(tcp_options, drop, "tcp-options", "TCP options overrun, of wrong length, or repeated",         \
    "None: malformed")                                                                             \
  X(udp_header, drop, "udp-header", "UDP header cut short, or its length is wrong",                \
    "None: malformed")                                                                             \
  X(udp_checksum, drop, "udp-checksum", "UDP checksum is wrong, or missing over IPv6",             \
    "Virtual links: switch checksum offload off on every end")                                     \
  X(udp_port, drop, "udp-port", "UDP port 0", "None: malformed")                                   \
  X(icmp_header, drop, "icmp-header", "ICMP message cut short", "None: malformed")                 \
  X(icmp_checksum, drop, "icmp-checksum", "ICMP checksum is wrong",                                \
    "Virtual links: switch checksum offload off on every end")                                     \
  X(icmp_echo, drop, "icmp-echo", "An odd echo request: code, size, or to a group",                \
    "None: a fingerprinting probe")                                                                \
  X(icmp_type, drop, "icmp-type",                                                                  \
    "An ICMP type that nobody needs from outside, or a path MTU smaller than any",                 \
    "None: RFC 6918 and RFC 4890 advise this")                                                     \
  X(icmp_unrelated, drop, "icmp-unrelated",                                                        \
    "An ICMP error or echo reply about no connection here", "Expected as backscatter")             \
  X(icmp_error_rate, drop, "icmp-error-rate",                                                      \
    "An ICMP error, or what would have been met with one, over the rate of its two ends",          \
    "None unless path MTU discovery suffers: normalise.error_rate")                                \
  X(echo_rate, drop, "echo-rate", "An echo request over the rate of its source",                   \
    "Expected in a ping flood, whoever it claims to come from; normalise.echo_rate")               \
  X(nd_invalid, drop, "nd-invalid", "Neighbour Discovery or MLD that did not start on this link",  \
    "None: forged from afar")                                                                      \
  /* Tracker */                                                                                    \
  X(no_connection, drop, "no-connection", "Neither opens a connection nor belongs to one",         \
    "After a restart expected until the grace period ends; else backscatter or a stealth scan")    \
  X(tcp_state, drop, "tcp-state", "Flags that make no sense in this state of the connection",      \
    "None unless genuine users suffer: then capture this reason")                                  \
  X(tcp_window, drop, "tcp-window", "Sequence or acknowledgement outside the window",              \
    "None unless genuine users suffer: then look for asymmetric routing")                          \
  X(provisional_reset, drop, "provisional-reset",                                                  \
    "A host's refusal of a segment that passed on trial in the grace period",                      \
    "Expected after a restart")                                                                    \
  X(host_error, drop, "host-error",                                                                \
    "An ICMP error from inside about a TCP connection opened from outside",                        \
    "Intended: where nobody lives nobody complains; a listed service may be down")                 \
  X(late_reset, drop, "late-reset",                                                                \
    "A host's reset to what came after the end of a connection that the box had answered",         \
    "Intended: where nobody lives nobody resets")                                                  \
  X(connection_table_full, drop, "connection-table-full", "No room for another connection",        \
    "Raise tables.connections")                                                                    \
  X(udp_unreachable, drop, "udp-unreachable",                                                      \
    "A host's port unreachable to a flow opened from outside, kept in (reply.udp silent)",         \
    "A listed UDP service is down")                                                                \
  /* Probability */                                                                                \
  X(coin, drop, "coin", "The coin fell against this connection attempt",                           \
    "Intended; genuine clients repeat. probability.drop sets the share")                           \
  X(coin_repeat, drop, "coin-repeat", "A repeated attempt, too soon or while repeats are held",    \
    "Intended; see probability.retransmission")                                                    \
  /* Reply and neighbours: the box is the end */                                                   \
  X(answered, consume, "answered", "Answered with a forged packet", "Intended")                    \
  X(reply_silent, consume, "reply-silent", "Diverted, and rightly met with silence", "Intended")   \
  X(conversation, consume, "conversation", "Absorbed by a forged conversation", "Intended")        \
  X(reply_refused, drop, "reply-refused",                                                          \
    "Diverted, but its sender must get no answer (group or broadcast address, forged MAC)",        \
    "Intended")                                                                                    \
  X(reply_pool, drop, "reply-pool", "No buffer to forge a packet in",                              \
    "Raise tables.reply_buffers")                                                                  \
  X(host_answered, consume, "host-answered",                                                       \
    "A host's word to the box, which has called it for a client or spoken for it", "Intended")     \
  X(host_refused, consume, "host-refused",                                                         \
    "A host's refusal, or what its client had said: the box goes on in its place",                 \
    "A listed service is down")                                                                    \
  X(splice_full, drop, "splice-full",                                                              \
    "A proven client's segment, with no room to hold it until its host has answered",              \
    "Expected of clients that send much at once; else look for a host that is mute")               \
  X(split, consume, "split", "A segment longer than its host takes, sent on in pieces",            \
    "Intended")                                                                                    \
  X(split_pool, drop, "split-pool",                                                                \
    "A segment longer than its host takes, and no buffers to split it",                            \
    "Raise tables.reply_buffers")                                                                  \
  X(challenge, consume, "challenge", "A SYN in a connection, answered with a challenge ACK",       \
    "Intended: RFC 5961")                                                                          \
  X(challenge_limit, drop, "challenge-limit", "A SYN in a connection, over the challenge rate",    \
    "Intended: RFC 5961")                                                                          \
  X(neighbour_answered, consume, "neighbour-answered", "An address request answered by the box",   \
    "Intended")                                                                                    \
  X(neighbour_probe, consume, "neighbour-probe", "A host's answer to the box's own address probe", \
    "Intended")                                                                                    \
  X(neighbour_invalid, drop, "neighbour-invalid", "Malformed ARP or ND", "None: malformed")        \
  /* Shard and life cycle */                                                                       \
  X(handoff_full, drop, "handoff-full", "The ring to the packet's own lcore was full",             \
    "Give the ports RSS by outside address, or add lcores")                                        \
  X(shutdown, drop, "shutdown", "Received, but not processed before the end", "None")

enum class ReasonKind : std::uint8_t { drop, consume };

enum class Reason : std::uint8_t {
#define X(id, kind, name, cause, remedy) id,
  MITIBOX_REASONS(X)
#undef X
};

struct ReasonRow {
  ReasonKind kind;
  std::string_view name;    ///< metric name
  std::string_view cause;   ///< what happened
  std::string_view remedy;  ///< what an operator can do
};

inline constexpr auto kReasons = std::to_array<ReasonRow>({
#define X(id, kind, name, cause, remedy) {ReasonKind::kind, name, cause, remedy},
    MITIBOX_REASONS(X)
#undef X
});
#undef MITIBOX_REASONS

constexpr std::size_t index(Reason r) {
  return static_cast<std::size_t>(r);
}
constexpr const ReasonRow& row(Reason r) {
  return kReasons[index(r)];
}

}  // namespace mitibox

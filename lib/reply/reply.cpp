// SPDX-License-Identifier: BSD-3-Clause
#include "reply/reply.hpp"

namespace mitibox {

namespace {

constexpr std::uint8_t kHandshakeFlags = tcp::kFin | tcp::kSyn | tcp::kRst | tcp::kAck;

bool is_echo_request(const Packet& p) {
  return p.is_icmp() && p.icmp().type == (p.family == Family::v4 ? icmp4::kEcho : icmp6::kEcho);
}

}  // namespace

Reply::Reply(const Policy& policy, const Secrets& secrets, rte_mempool* pool,
             std::uint32_t conversations, std::string_view name)
    : builder_(pool),
      persona_(secrets.persona),
      cookie_(secrets.cookie),
      conversations_(secrets.conversation, conversations, name),
      udp_unreachable_(policy.reply.udp == Policy::UdpReply::unreachable),
      ipv4_prefix_(policy.trust.ipv4_prefix),
      ipv6_prefix_(policy.trust.ipv6_prefix) {}

Reply::~Reply() = default;

Reply::Answer Reply::open(const Packet& probe, Now now) {
  if (!may_answer(probe)) return {nullptr, Reason::reply_refused};
  if (probe.fragment == Fragment::later) return {};
  if (probe.protocol == protocol::kTcp) return open_tcp(probe, now);
  if (probe.protocol == protocol::kUdp)
    return probe.fragment == Fragment::none ? open_udp(probe) : Answer{};
  if (is_echo_request(probe)) return open_echo(probe);
  return {};
}

Reply::Answer Reply::open_tcp(const Packet& syn, Now now) {
  if ((syn.tcp_flags & kHandshakeFlags) != tcp::kSyn) return {};
  const SynOffer offer = read_offer(syn);
  const SynAckOptions options(syn.family, offer);
  const TcpFields fields{.sequence = cookie_.make({syn.key, syn.family, syn.sequence}, offer, now),
                         .acknowledgement = syn.sequence + 1,
                         .flags = tcp::kSyn | tcp::kAck,
                         .window = kPersonaWindow,
                         .options = options.bytes()};
  rte_mbuf* frame = builder_.tcp(syn, persona_.tcp(syn), fields);
  if (frame == nullptr) return {nullptr, Reason::reply_pool};
  ++counters_.syn_acks;
  return {frame, Reason::answered};
}

Reply::Answer Reply::open_udp(const Packet& probe) {
  // An answer longer than what asked would amplify.
  if (!udp_unreachable_ || Builder::unreachable_length(probe) > probe.end - probe.l3) return {};
  rte_mbuf* frame = builder_.port_unreachable(probe, persona_.icmp(probe));
  if (frame == nullptr) return {nullptr, Reason::reply_pool};
  ++counters_.unreachables;
  return {frame, Reason::answered};
}

Reply::Answer Reply::open_echo(const Packet& request) {
  if (request.fragment != Fragment::none) return {};
  rte_mbuf* frame = builder_.echo_reply(request, persona_.icmp(request));
  if (frame == nullptr) return {nullptr, Reason::reply_pool};
  ++counters_.echoes;
  return {frame, Reason::answered};
}

Reply::Answer Reply::challenge(const Packet& syn, const Challenge& numbers) {
  if (!may_answer(syn)) return {nullptr, Reason::reply_refused};
  const TcpFields fields{.sequence = numbers.sequence,
                         .acknowledgement = numbers.acknowledgement,
                         .flags = tcp::kAck,
                         .window = numbers.window};
  rte_mbuf* frame = builder_.tcp(syn, persona_.tcp(syn), fields);
  return {frame, frame == nullptr ? Reason::reply_pool : Reason::challenge};
}

void Reply::sweep(Now now, std::uint32_t budget) {
  conversations_.sweep(now, budget);
}

std::size_t Reply::memory_bytes(std::uint32_t conversations) {
  return Conversations::memory_bytes(conversations);
}

}  // namespace mitibox

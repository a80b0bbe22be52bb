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
      persona_(secrets.persona, secrets.isn.k1),
      cookie_(secrets.cookie),
      conversations_(secrets.conversation, conversations, std::string(name)),
      repetitions_(secrets.repetition, std::string(name) + " repetitions"),
      voices_(policy),
      repeats_(policy.admission == Policy::Admission::handshake),
      udp_unreachable_(policy.reply.udp == Policy::UdpReply::unreachable),
      ipv4_prefix_(policy.trust.ipv4_prefix),
      ipv6_prefix_(policy.trust.ipv6_prefix),
      surface_(policy, secrets.surface) {}

Reply::~Reply() = default;

void Reply::open(std::span<const Packet* const> probes, Now now, std::span<Answer> answers) {
  Syns v4;
  Syns v6;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Packet& p = *probes[i];
    if (const auto answer = open_other(p, now)) {
      answers[i] = *answer;
      continue;
    }
    Syns& syns = p.family == Family::v4 ? v4 : v6;
    syns.packets[syns.count] = &p;
    syns.places[syns.count++] = static_cast<std::uint8_t>(i);
  }
  if (v4.count != 0) open_tcp(Family::v4, v4, now, answers);
  if (v6.count != 0) open_tcp(Family::v6, v6, now, answers);
}

std::optional<Reply::Answer> Reply::open_other(const Packet& probe, Now now) {
  if (!may_answer(probe)) return Answer{nullptr, Reason::reply_refused};
  if (probe.fragment == Fragment::later) return Answer{};
  if (probe.protocol == protocol::kTcp) {
    if ((probe.tcp_flags & kHandshakeFlags) == tcp::kSyn) return std::nullopt;
    return Answer{};
  }
  if (probe.protocol == protocol::kUdp)
    return probe.fragment == Fragment::none ? open_udp(probe, now) : Answer{};
  if (is_echo_request(probe)) return open_echo(probe);
  return Answer{};
}

rte_mbuf* Reply::syn_ack(const Packet& syn, std::uint32_t isn, const SynOffer& offer,
                         rte_mbuf* taken) {
  const SynOptions options(syn.family, offer);
  const TcpFields fields{.sequence = isn,
                         .acknowledgement = syn.sequence + 1,
                         .flags = tcp::kSyn | tcp::kAck,
                         .window = kPersonaWindow,
                         .options = options.words()};
  return builder_.tcp(syn, persona_.tcp(syn), fields, taken);
}

void Reply::open_tcp(Family family, const Syns& syns, Now now, std::span<Answer> answers) {
  std::array<SynOffer, kBurst> offers;
  std::array<std::uint32_t, kBurst> isns;
  std::array<rte_mbuf*, kBurst> frames{};
  for (std::size_t i = 0; i < syns.count; ++i) offers[i] = read_offer(*syns.packets[i]);
  cookie_.make(family, {syns.packets.data(), syns.count}, offers, now, isns);
  // When there are not enough, some may get one yet.
  if (!builder_.take({frames.data(), syns.count})) frames.fill(nullptr);
  for (std::size_t i = 0; i < syns.count; ++i) {
    const Packet& syn = *syns.packets[i];
    rte_mbuf* frame = syn_ack(syn, isns[i], offers[i], frames[i]);
    if (frame != nullptr) {
      ++counters_.syn_acks;
      if (repeats_) repetitions_.add(syn, isns[i], offers[i], now);
    }
    answers[syns.places[i]] = {frame, frame == nullptr ? Reason::reply_pool : Reason::answered};
  }
}

Reply::Answer Reply::reset(const Packet& syn) {
  if (!may_answer(syn)) return {nullptr, Reason::reply_refused};
  // RFC 9293 3.10.7.1: acknowledges all that the segment says.
  const TcpFields fields{.sequence = 0,
                         .acknowledgement = syn.sequence + 1 + syn.payload_length(),
                         .flags = tcp::kRst | tcp::kAck,
                         .window = 0};
  rte_mbuf* frame = builder_.tcp(syn, persona_.tcp(syn), fields);
  if (frame == nullptr) return {nullptr, Reason::reply_pool};
  ++counters_.resets;
  return {frame, Reason::answered};
}

Reply::Answer Reply::open_udp(const Packet& probe, Now now) {
  // An answer longer than what asked would amplify.
  if (!udp_unreachable_ || Builder::unreachable_length(probe) > probe.end - probe.l3) return {};
  if (rates_ != nullptr && !rates_->error_out({probe.destination(), probe.source()}, now))
    return {nullptr, Reason::icmp_error_rate};
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
  return Conversations::memory_bytes(conversations) + Repetitions::memory_bytes();
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
// Reply's conversations with proven sources.
#include "reply/reply.hpp"

namespace mitibox {

namespace {

constexpr std::uint32_t kLimitedEvery =
    500;  // milliseconds, each conversation (RFC 5961 section 7)

std::uint16_t window(const Conversation& c) {
  return static_cast<std::uint16_t>(c.scaled() ? kPersonaLater >> kPersonaScale : kPersonaLater);
}

}  // namespace

Reply::Saying Reply::saying(const Packet& segment) {
  const Conversation* const c = conversations_.find(segment.key, segment.family);
  if (c == nullptr) return Saying::nothing;
  if (!c->live()) return Saying::over;
  switch (script::classify(*c, segment)) {
    case script::Event::data:
    case script::Event::fin:
      return Saying::data_in_order;
    case script::Event::last_ack:
      return Saying::last_ack;
    case script::Event::reset:
      return Saying::reset;
    default:
      return Saying::anything;
  }
}

Reply::Continuation Reply::converse(const Packet& segment, Now now) {
  if (segment.protocol != protocol::kTcp || segment.fragment != Fragment::none ||
      !may_answer(segment))
    return {};
  Conversation* c = conversations_.find(segment.key, segment.family);
  Continuation result{
      .ours = true, .proof = false, .offer = {}, .answer = {nullptr, Reason::conversation}};
  // In a host's name there is one handshake at a time.
  if (c != nullptr && c->live() && (c->spoken || !script::odd(script::classify(*c, segment)))) {
    result.answer = proceed(*c, segment, now);
    return result;
  }
  if (completes(segment, c, now, result.offer)) {
    result.proof = true;
    ++counters_.proofs;
    c = begin(segment, result.offer, now);
    if (c == nullptr) return result;
  } else if (c == nullptr || !c->live()) {
    return {};
  }
  result.answer = proceed(*c, segment, now);
  return result;
}

bool Reply::completes(const Packet& segment, const Conversation* old, Now now, SynOffer& offer) {
  if ((segment.tcp_flags & (tcp::kSyn | tcp::kRst | tcp::kAck)) != tcp::kAck) return false;
  const std::uint32_t client_isn = segment.sequence - 1;
  if (old != nullptr && old->client_isn == client_isn) return false;
  const auto found =
      cookie_.check({segment.key, segment.family, client_isn}, segment.acknowledgement - 1, now);
  if (found) {
    offer = *found;
  } else if (old == nullptr) {
    // What merely does not fit into a conversation is no attempt to guess a cookie.
    ++counters_.bad_cookies;
  }
  return found.has_value();
}

Conversation* Reply::begin(const Packet& segment, const SynOffer& offer, Now now) {
  const unsigned bits = segment.family == Family::v4 ? ipv4_prefix_ : ipv6_prefix_;
  Conversation* c = conversations_.begin(segment, masked(segment.outside_address(), bits), now);
  counters_.conversation_evictions = conversations_.evictions();
  if (c == nullptr) return nullptr;
  c->client_isn = segment.sequence - 1;
  c->expected = segment.sequence;
  c->next = segment.acknowledgement;
  c->scale = offer.window_scale;
  c->voice = 0;
  c->speech = {};
  return c;
}

Reply::Answer Reply::proceed(Conversation& c, const Packet& segment, Now now) {
  using script::Event, script::Response;
  const Event event = script::classify(c, segment);
  const script::Row row = script::step(c.state, event);
  if (event != Event::nonsense) conversations_.touch(c, now);

  Response how = row.response;
  if (how == Response::limited_ack && elapsed(now.tick, c.limited) < kLimitedEvery)
    how = Response::none;

  Conversation after = c;
  if (event == Event::data || event == Event::fin)
    after.expected = segment.sequence + segment.payload_length();
  Words words;
  if (c.voice != 0 && script::hears(event)) words = speak(after, segment, now);
  if (event == Event::fin) ++after.expected;
  const Answer answer = respond(after, segment, {how, words});
  // What could not be answered did not happen: the peer will repeat it.
  if (answer.reason == Reason::reply_pool) return answer;

  c.expected = after.expected;
  move_on(c, after);
  if (how == Response::limited_ack) c.limited = now.tick;
  if (row.next == Conversation::State::ended)
    conversations_.end(c);
  else
    c.state = row.next;
  if (event == Event::fin) {
    c.fin = HeaderCopy(segment);
    c.hash = segment.hash;
    conversations_.fin_later(c, now);
  }
  return answer;
}

void Reply::speak_for_host(const Packet& segment) {
  Conversation* const c = conversations_.find(segment.key, segment.family);
  if (c != nullptr) c->spoken = true;
}

rte_mbuf* Reply::host_ended(const Packet& segment, Now now) {
  Conversation* const c = conversations_.find(segment.key, segment.family);
  if (c == nullptr || !c->spoken) return nullptr;
  c->spoken = false;
  const bool overdue = c->state == Conversation::State::half && !c->waiting;
  return overdue ? next_fin(*c, now) : nullptr;
}

bool Reply::peer_ended(const Packet& segment) {
  const Conversation* const c = conversations_.find(segment.key, segment.family);
  return c != nullptr &&
         (c->state == Conversation::State::half || c->state == Conversation::State::closing);
}

rte_mbuf* Reply::next_fin(Conversation& c, Now now) {
  if (c.spoken) return nullptr;  // host_ended() comes back to it
  if (c.fins == Conversations::kFins) {
    conversations_.end(c);
    return nullptr;
  }
  Packet fin = c.fin.packet();
  fin.hash = c.hash;
  const TcpFields fields{.sequence = c.next - (c.fins == 0 ? 0U : 1U),
                         .acknowledgement = c.expected,
                         .flags = tcp::kFin | tcp::kAck,
                         .window = window(c)};
  rte_mbuf* const frame = builder_.tcp(fin, persona_.tcp(fin), fields);
  if (frame != nullptr) {
    if (c.fins++ == 0) ++c.next;
    c.state = Conversation::State::closing;
    ++counters_.fins;
  }
  conversations_.fin_later(c, now);  // without a buffer: once more, as if it had been lost
  return frame;
}

Reply::Answer Reply::respond(const Conversation& c, const Packet& segment, const Say& say) {
  const auto size = static_cast<std::uint32_t>(say.words.size());
  if (say.how == script::Response::none && size == 0) return {nullptr, Reason::conversation};
  // What is repeated behind our FIN takes it along.
  const bool fin = size != 0 && c.state == Conversation::State::closing;
  const TcpFields fields{.sequence = c.next - (fin ? 1U : 0U) - size,
                         .acknowledgement = c.expected,
                         .flags = static_cast<std::uint8_t>(tcp::kAck | (fin ? tcp::kFin : 0U) |
                                                            (size != 0 ? tcp::kPsh : 0U)),
                         .window = window(c)};
  const IpFields ip = persona_.tcp(segment);
  rte_mbuf* frame =
      size == 0 ? builder_.tcp(segment, ip, fields) : builder_.data(segment, ip, fields, say.words);
  return {frame, frame == nullptr ? Reason::reply_pool : Reason::answered};
}

Reply::Words Reply::speak(Conversation& c, const Packet& segment, Now now) const {
  Voices::listen(c, segment);
  return voices_.say(c, segment, now);
}

void Reply::move_on(Conversation& c, const Conversation& after) {
  if (after.speech.spent != c.speech.spent)
    ++(after.speech.said != c.speech.said ? counters_.words : counters_.words_again);
  c.next = after.next;
  c.speech = after.speech;
}

Reply::Answer Reply::give_voice(const Packet& segment, const Answer& given, Now now) {
  if (voices_.none()) return given;
  Conversation* const c = conversations_.find(segment.key, segment.family);
  if (c == nullptr || !c->live() || c->spoken || c->voice != 0) return given;
  c->voice = voices_.of(segment.destination_port);
  if (c->voice == 0) return given;
  Conversation after = *c;
  const Words words = speak(after, segment, now);
  if (words.empty()) return given;
  const Answer answer = respond(after, segment, {script::Response::none, words});
  if (answer.frame == nullptr) return given;  // it stays due
  if (given.frame != nullptr) rte_pktmbuf_free(given.frame);
  move_on(*c, after);
  return answer;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "reply/script.hpp"

#include "packet/persona.hpp"

namespace mitibox::script {

namespace {

constexpr auto kWindow = static_cast<std::int32_t>(kPersonaLater);

Event classify_empty(const Conversation& c, std::int32_t ahead, bool acceptable) {
  if (!acceptable || ahead < 0 || ahead >= kWindow) return Event::odd_empty;
  return c.state == closing ? Event::last_ack : Event::ack;
}

}  // namespace

Event classify(const Conversation& c, const Packet& s) {
  // Modulo 2^32; positive: beyond what is expected.
  const auto ahead = static_cast<std::int32_t>(s.sequence - c.expected);
  if ((s.tcp_flags & tcp::kRst) != 0) {
    if (ahead == 0) return Event::reset;
    return ahead > 0 && ahead < kWindow ? Event::near_reset : Event::nonsense;
  }
  if ((s.tcp_flags & tcp::kSyn) != 0) return Event::odd_empty;
  if ((s.tcp_flags & tcp::kAck) == 0) return Event::nonsense;

  const bool fin = (s.tcp_flags & tcp::kFin) != 0;
  const std::int32_t length = s.payload_length() + (fin ? 1 : 0);
  // What we have said may be acknowledged at any time; without a voice that is nothing.
  const std::uint32_t left = c.next - s.acknowledgement;
  const bool all = c.state == closing ? left == 0 : left <= c.speech.said;
  const bool but_fin = c.state == closing && left - 1 <= c.speech.said;
  if (length == 0) {
    if (but_fin && ahead >= 0 && ahead < kWindow) return Event::ack;
    return classify_empty(c, ahead, all);
  }
  if (c.state != open)
    return fin && (all || but_fin) && ahead == -length ? Event::fin_again : Event::odd_data;
  const bool new_in_order = ahead <= 0 && ahead > -kWindow && ahead + length > 0;
  if (!all || !new_in_order) return Event::odd_data;
  return fin ? Event::fin : Event::data;
}

}  // namespace mitibox::script

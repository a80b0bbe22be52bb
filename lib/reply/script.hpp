// SPDX-License-Identifier: BSD-3-Clause
/// What a forged conversation makes of a segment: a state table, without side effects.
#pragma once

#include <array>
#include <cstdint>

#include "packet/packet.hpp"
#include "reply/conversations.hpp"

namespace mitibox::script {

/// A segment, seen from a live conversation (RFC 9293 3.10.7, RFC 5961).
enum class Event : std::uint8_t {
  reset,       ///< RST, exactly where it is expected
  near_reset,  ///< RST inside the window, but not exact
  nonsense,    ///< RST outside the window, or a segment without ACK
  odd_empty,   ///< no data; outside the window, acknowledges what was not sent, or has a SYN
  odd_data,    ///< data or FIN; repeated, out of order, or as above
  data,        ///< new data in order
  fin,         ///< the FIN, in order
  fin_again,   ///< the FIN, repeated: our acknowledgement may have been lost
  ack,         ///< acknowledges, and nothing else
  last_ack,    ///< acknowledges our FIN
};
inline constexpr std::size_t kEvents = 10;

enum class Response : std::uint8_t {
  none,
  ack,
  limited_ack,  ///< an ACK, under a rate: two ends that disagree must not answer each other forever
};

struct Row {
  Conversation::State next;
  Response response;
};

using enum Conversation::State;

/// By state, in the order of Event.
inline constexpr std::array<std::array<Row, kEvents>, 3> kRows{{
    {{
        // open
        {ended, Response::none},        // reset: obeyed in silence
        {open, Response::limited_ack},  // near_reset: challenge ACK, RFC 5961 3.2
        {open, Response::none},         // nonsense
        {open, Response::limited_ack},  // odd_empty: also keepalives, RFC 9293 3.8.4
        {open, Response::ack},          // odd_data: says what is expected
        {open, Response::ack},          // data
        {half, Response::ack},          // fin: ours follows in its time
        {open, Response::ack},          // fin_again: cannot be
        {open, Response::none},         // ack
        {open, Response::none},         // last_ack: cannot be
    }},
    {{
        // half
        {ended, Response::none},        // reset
        {half, Response::limited_ack},  // near_reset
        {half, Response::none},         // nonsense
        {half, Response::limited_ack},  // odd_empty
        {half, Response::ack},          // odd_data: also data behind the FIN
        {half, Response::ack},          // data: cannot be
        {half, Response::ack},          // fin: cannot be
        {half, Response::ack},          // fin_again
        {half, Response::none},         // ack
        {half, Response::none},         // last_ack: cannot be
    }},
    {{
        // closing
        {ended, Response::none},           // reset
        {closing, Response::limited_ack},  // near_reset
        {closing, Response::none},         // nonsense
        {closing, Response::limited_ack},  // odd_empty
        {closing, Response::ack},          // odd_data: also data behind the FIN
        {closing, Response::ack},          // data: cannot be
        {closing, Response::ack},          // fin: cannot be
        {closing, Response::ack},          // fin_again: our FIN is repeated in its time
        {closing, Response::none},         // ack: of what was before our FIN
        {ended, Response::none},           // last_ack
    }},
}};

constexpr Row step(Conversation::State state, Event event) {
  return kRows[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// Whether the segment does not fit: it may rather belong to a new handshake of the same flow.
constexpr bool odd(Event event) {
  return event == Event::odd_empty || event == Event::odd_data;
}

/// Whether it may be met by what a voice has to say: not what is ignored, ends, or is challenged.
constexpr bool hears(Event event) {
  return event > Event::nonsense;
}

/// `c` must be live.
Event classify(const Conversation& c, const Packet& segment);

}  // namespace mitibox::script

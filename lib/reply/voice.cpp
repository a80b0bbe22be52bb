// SPDX-License-Identifier: BSD-3-Clause
#include "reply/voice.hpp"

#include <algorithm>

namespace mitibox {

namespace {

/// Data of the client's: what is expected next, without its SYN and its FIN.
std::uint32_t received(const Conversation& c) {
  return c.expected - c.client_isn - (c.state == Conversation::State::open ? 1U : 2U);
}

/// Whether this many bytes fit into the client's window, and all that is said into what it sent.
bool allowed(const Conversation& c, const Packet& segment, std::uint32_t size) {
  const unsigned shift = c.scaled() ? c.scale : 0U;
  // As much as `spent` can count.
  constexpr std::uint32_t kCounted = UINT16_MAX - Voice::kMost;
  const std::uint32_t most = std::min(received(c), kCounted);
  return std::uint64_t{segment.window} << shift >= size &&
         c.speech.spent + size <= most + Voice::kMost;
}

}  // namespace

Voices::Voices(const Policy& policy) {
  struct Row {
    PortRange range;
    std::uint8_t number;
  };
  std::vector<Row> rows;
  for (const Voice& v : policy.reply.voices) {
    texts_.push_back({v.greeting + v.answer, v.greeting.size()});
    for (const PortRange& r : v.ports)
      rows.push_back({r, static_cast<std::uint8_t>(texts_.size())});
  }
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.range.first < b.range.first; });
  for (const Row& r : rows) {
    ports_.push_back(r.range);
    numbers_.push_back(r.number);
  }
}

std::uint8_t Voices::of(std::uint16_t port) const {
  const auto at = std::partition_point(ports_.begin(), ports_.end(),
                                       [&](const PortRange& r) { return r.last < port; });
  if (at == ports_.end() || at->first > port) return 0;
  return numbers_[static_cast<std::size_t>(at - ports_.begin())];
}

void Voices::listen(Conversation& c, const Packet& segment) {
  Speech& speech = c.speech;
  const std::uint32_t fin = c.state == Conversation::State::closing ? 1 : 0;
  const std::uint32_t left = c.next - fin - segment.acknowledgement;
  if (left <= speech.said)
    speech.heard = std::max(speech.heard, static_cast<std::uint8_t>(speech.said - left));
  else if (segment.acknowledgement == c.next)
    speech.heard = speech.said;
}

std::span<const std::uint8_t> Voices::say(Conversation& c, const Packet& segment, Now now) const {
  const Text& text = texts_[c.voice - 1U];
  Speech& speech = c.speech;
  std::uint32_t due = speech.said;
  if (c.state < Conversation::State::closing)
    due = static_cast<std::uint32_t>(received(c) != 0 ? text.bytes.size() : text.greeting);
  due = std::max(due, std::uint32_t{speech.said});
  const bool lost = speech.heard != speech.said && elapsed(now.tick, speech.at) >= kRepeatAfter;
  std::uint32_t from = lost ? speech.heard : speech.said;
  if (!allowed(c, segment, due - from)) from = speech.said;
  if (from == due || !allowed(c, segment, due - from)) return {};
  c.next += due - speech.said;
  speech.said = static_cast<std::uint8_t>(due);
  speech.spent = static_cast<std::uint16_t>(speech.spent + due - from);
  speech.at = now.tick;
  return std::span(reinterpret_cast<const std::uint8_t*>(text.bytes.data()), text.bytes.size())
      .subspan(from, due - from);
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
/// A client that talks to a port with a voice.
#pragma once

#include "client.hpp"

namespace mitibox::test::talk {

inline const std::string kGreeting = "220 ftp ready\r\n";
inline const std::string kAnswer = "530 log in\r\n";

inline Policy policy_of(const std::string& greeting, const std::string& answer) {
  Policy p;
  p.reply.voices = {{{{443, 443}}, greeting, answer}};
  return p;
}

/// A client that completes a forged handshake, and the box's part in it.
struct Talk {
  explicit Talk(const std::string& greeting = kGreeting, const std::string& answer = kAnswer,
                rte_mempool* pool = probe_pool())
      : reply(policy_of(greeting, answer), kSecrets, pool, 16, unique_name()) {}

  void syn(const Bytes& options = {}) {
    probe.options = options;
    probe.flags = tcp::kSyn;
    probe.sequence = 1000;
    cookie = Seen(reply.open(Frame(probe).packet, now).frame).sequence();
    probe.options.clear();
  }
  /// `from`: offset of the segment's first byte; `acked`: of what the box has said.
  bool send(std::uint8_t flags, std::uint32_t from, std::size_t size, std::uint32_t acked) {
    probe.flags = flags;
    probe.sequence = 1001 + from;
    probe.acknowledgement = cookie + 1 + acked;
    probe.payload.assign(size, 'x');
    const Frame frame(probe, window);
    const auto c = reply.converse(frame.packet, now);
    ours = c.ours;
    const auto answer = c.proof ? reply.give_voice(frame.packet, c.answer, now) : c.answer;
    return read(answer.frame);
  }
  /// Whether the box's own FIN comes in its time.
  bool ends() {
    bool seen = false;
    later(Conversations::kFinAfter);
    reply.close(now,
                [&](rte_mbuf* frame) { seen = read(frame) && got_flags == FA && text.empty(); });
    return seen;
  }
  bool read(rte_mbuf* frame) {
    text.clear();
    got_flags = 0;
    if (frame == nullptr) return false;
    const Seen seen(frame);
    CHECK(seen.sound());
    CHECK(seen.ttl() == 128);
    const Bytes said = seen.part(seen.l4 + 20, seen.bytes.size());
    text.assign(said.begin(), said.end());
    at = seen.sequence() - cookie - 1;
    got_flags = seen.flags();
    got_ack = seen.acknowledgement() - 1001;
    return true;
  }
  bool prove(std::size_t size = 0) {
    syn();
    return send(size == 0 ? A : PA, 0, size, 0);
  }
  void later(int milliseconds) { now = Now(now.time + std::chrono::milliseconds(milliseconds)); }

  /// A frame of the probe with this window.
  struct Frame : test::Frame {
    explicit Frame(const Probe& p, std::uint32_t window = 64240) : test::Frame(p) {
      packet.window = window;
    }
  };

  Reply reply;
  Probe probe;
  Now now{std::chrono::hours(1)};
  std::uint32_t window = 64240;
  std::uint32_t cookie = 0;
  bool ours = false;
  std::string text;
  std::uint32_t at = 0, got_flags = 0, got_ack = 0;
};

}  // namespace mitibox::test::talk

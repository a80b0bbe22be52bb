// SPDX-License-Identifier: BSD-3-Clause
/// A TCP client for Reply, written as bytes.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "../packet/probe_frames.hpp"
#include "reply/reply.hpp"

namespace mitibox::test::talk {

inline const Secrets kSecrets = Secrets::derive({7, 8});
inline constexpr std::uint8_t A = tcp::kAck;
inline constexpr std::uint8_t FA = tcp::kFin | tcp::kAck;
inline constexpr std::uint8_t PA = tcp::kPsh | tcp::kAck;
inline constexpr std::uint8_t R = tcp::kRst;

inline Now at(int milliseconds) {
  return Now(std::chrono::milliseconds(milliseconds));
}

/// A client that talks to a Reply, and checks what holds of every answer.
struct Client {
  explicit Client(Reply& reply_, std::uint32_t isn_ = 1000, bool v6 = false, Bytes options = {})
      : reply(reply_), isn(isn_) {
    if (v6) {
      probe.source = "2001:db8:ffff::7";
      probe.destination = "2001:db8:1::10";
    }
    probe.options = std::move(options);
  }

  void syn(Now now = {}) {
    probe.sequence = isn;
    probe.flags = tcp::kSyn;
    const Seen seen(reply.open(Frame(probe).packet, now).frame);
    cookie = seen.sequence();
    probe.options.clear();
  }

  /// `offset`: of the sequence number from the first byte after the SYN.
  Reply::Continuation send(std::uint8_t flags, std::uint32_t offset, std::size_t size = 0,
                           Now now = {}) {
    probe.sequence = isn + 1 + offset;
    probe.acknowledgement = cookie + 1 + acked;
    probe.flags = flags;
    probe.payload.assign(size, 'x');
    const Frame frame(probe);
    Reply::Continuation c = reply.converse(frame.packet, now);
    answered = c.answer.frame != nullptr;
    if (!answered) return c;
    const Seen seen(c.answer.frame);
    c.answer.frame = nullptr;
    CHECK(c.ours);
    CHECK(c.answer.reason == Reason::answered);
    CHECK(seen.ip_length() <= frame.ip_length());
    hear(seen);
    return c;
  }
  /// How many FINs the box sends of its own accord.
  int closes(Now now) {
    int n = 0;
    reply.close(now, [&](rte_mbuf* frame) {
      ++n;
      hear(Seen(frame));
      CHECK(got_flags == FA);
    });
    return n;
  }
  void hear(const Seen& seen) {
    CHECK(seen.sound());
    CHECK(seen.ttl() == 128);
    CHECK(seen.tcp_options().empty());
    got_flags = seen.flags();
    got_sequence = seen.sequence() - cookie - 1;
    got_ack = seen.acknowledgement() - isn - 1;
    got_window = seen.window();
  }
  /// Ours, and absorbed in silence.
  bool absorbed(std::uint8_t flags, std::uint32_t offset, std::size_t size = 0, Now now = {}) {
    const auto c = send(flags, offset, size, now);
    return c.ours && !answered && c.answer.reason == Reason::conversation;
  }
  /// Answered with a bare ACK of `ack` bytes.
  bool acks(std::uint32_t ack) const {
    return answered && got_flags == A && got_ack == ack && got_sequence == acked;
  }
  void connect(Now now = {}) {
    syn(now);
    const auto c = send(A, 0, 0, now);
    REQUIRE(c.ours);
    REQUIRE(c.proof);
    REQUIRE_FALSE(answered);
  }

  Reply& reply;
  Probe probe;
  std::uint32_t isn;
  std::uint32_t cookie = 0;
  std::uint32_t acked = 0;  ///< of the box's sequence space behind its SYN
  bool answered = false;
  std::uint32_t got_flags = 0, got_sequence = 0, got_ack = 0, got_window = 0;
};

inline std::string unique_name() {
  static int number = 0;
  return "converse" + std::to_string(number++);
}

struct Box {
  explicit Box(std::uint32_t entries = 256, rte_mempool* pool = probe_pool())
      : reply({}, kSecrets, pool, entries, unique_name()) {}
  Reply reply;
};

}  // namespace mitibox::test::talk

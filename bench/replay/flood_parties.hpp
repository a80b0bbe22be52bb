// SPDX-License-Identifier: BSD-3-Clause
/// Who takes part in a flood, and what they hear of the chain.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "flooding.hpp"
#include "port/transmit.hpp"
#include "traffic.hpp"

namespace mitibox::bench {

/// How long the host takes to answer a SYN.
constexpr Time kHostTime = std::chrono::milliseconds(1);

/// What a frame of the wire says, if it is TCP over IPv4 without tags.
struct Heard {
  std::uint32_t source, destination;
  std::uint16_t source_port, destination_port;
  std::uint32_t sequence;
  std::uint8_t flags;

  static std::optional<Heard> of(rte_mbuf* m) {
    const auto* const at = rte_pktmbuf_mtod(m, const std::uint8_t*);
    if (at[12] != 0x08 || at[13] != 0 || at[14] != 0x45 || at[23] != protocol::kTcp) return {};
    const auto word = [&](std::size_t i) {
      return std::uint32_t{at[i]} << 24U | std::uint32_t{at[i + 1]} << 16U |
             std::uint32_t{at[i + 2]} << 8U | at[i + 3];
    };
    const std::uint32_t ports = word(34);
    return Heard{word(26),
                 word(30),
                 static_cast<std::uint16_t>(ports >> 16U),
                 static_cast<std::uint16_t>(ports),
                 word(38),
                 at[47]};
  }
};

inline std::uint64_t key_of(std::uint32_t address, std::uint16_t port) {
  return std::uint64_t{address} << 16U | port;
}

/// The host's ISN: anybody can tell its SYN/ACKs from forged ones.
inline std::uint32_t host_isn(std::uint64_t key) {
  return static_cast<std::uint32_t>(key * 0x9e3779b97f4a7c15U >> 32U);
}

inline Flow flow_between(std::uint32_t outside, std::uint16_t port, std::uint32_t inside,
                         std::uint16_t service) {
  Flow f;
  f.outside = Address(be32(outside));
  f.inside = Address(be32(inside));
  f.outside_port = port;
  f.inside_port = service;
  return f;
}

/// A source that tries to connect: a genuine client, or a scanner that completes handshakes.
struct Party {
  Flow flow;
  std::uint32_t address = 0;
  Time first{};  ///< when it sent its first SYN
  unsigned tries = 0;
  std::uint32_t answer = 0;  ///< sequence number of the SYN/ACK
  bool answered = false;
  bool deceived = false;
  bool connected = false;  ///< its ACK reached the host in time

  [[nodiscard]] std::uint64_t key() const { return key_of(address, flow.outside_port); }
};

/// Both ports: hears what the chain sends.
class Ear : public Wire {
 public:
  std::uint16_t send(Side to, rte_mbuf** frames, std::uint16_t count) override {
    for (std::uint16_t i = 0; i < count; ++i)
      if (const auto heard = Heard::of(frames[i])) hear(to, *heard);
    rte_pktmbuf_free_bulk(frames, count);
    return count;
  }

  /// From now on what this party is sent, or its ACKs that reach the host, are put down to it.
  void listen(Party& party) {
    parties_[party.key()] = &party;
    likely_.set(party.address % likely_.size());
  }

  /// SYNs that reached the host and wait for its answer.
  struct Asked {
    std::uint64_t key;
    std::uint32_t isn;
    Time due;
  };
  std::deque<Asked> asked;
  /// Parties that got a SYN/ACK and will acknowledge it.
  std::vector<Party*> answered;
  std::uint64_t to_host = 0;   ///< SYNs
  std::uint64_t segments = 0;  ///< others, to the host
  Time now{};

 private:
  Party* party(std::uint32_t address, std::uint16_t port) {
    if (!likely_.test(address % likely_.size())) return nullptr;
    const auto found = parties_.find(key_of(address, port));
    return found == parties_.end() ? nullptr : found->second;
  }

  void hear(Side to, const Heard& h) {
    if (to == Side::inside) {
      if (h.flags == tcp::kSyn) {
        ++to_host;
        asked.push_back({key_of(h.source, h.source_port), h.sequence, now + kHostTime});
        return;
      }
      ++segments;
      Party* const p = party(h.source, h.source_port);
      if (p != nullptr && !p->deceived && now - p->first <= kPatience) p->connected = true;
      return;
    }
    if (h.flags != (tcp::kSyn | tcp::kAck)) return;
    Party* const p = party(h.destination, h.destination_port);
    if (p == nullptr || p->answered) return;
    p->answered = true;
    p->answer = h.sequence;
    p->deceived = h.sequence != host_isn(p->key());
    answered.push_back(p);
  }

  std::unordered_map<std::uint64_t, Party*> parties_;
  std::bitset<1U << 20U> likely_;  ///< addresses, folded: most frames concern nobody
};

}  // namespace mitibox::bench

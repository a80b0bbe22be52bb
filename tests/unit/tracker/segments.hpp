// SPDX-License-Identifier: BSD-3-Clause
/// A Tracker between two hosts, fed with packets written as fields, and virtual time.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "base/secrets.hpp"
#include "packet/packet.hpp"
#include "policy/policy.hpp"
#include "tracker/tracker.hpp"

namespace mitibox::test {

inline constexpr std::uint8_t S = tcp::kSyn;
inline constexpr std::uint8_t SA = tcp::kSyn | tcp::kAck;
inline constexpr std::uint8_t A = tcp::kAck;
inline constexpr std::uint8_t F = tcp::kFin | tcp::kAck;
inline constexpr std::uint8_t R = tcp::kRst;
inline constexpr std::uint8_t RA = tcp::kRst | tcp::kAck;

inline constexpr Side Out = Side::outside;
inline constexpr Side In = Side::inside;

/// Addresses and ports of one flow.
struct Flow {
  bool v6 = false;
  std::uint32_t outside_host = 7;  ///< last four bytes of the address
  std::uint32_t inside_host = 10;
  std::uint16_t outside_port = 40000;
  std::uint16_t inside_port = 443;
};

struct Segment {
  Side from = Out;
  std::uint8_t flags = A;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint16_t length = 0;
  std::uint16_t window = 65535;
  int scale = -1;     ///< window scale option of a SYN
  bool sack = false;  ///< of a SYN
};

/// An ICMP error that quotes `quoted`. Offsets into the quote are cut behind `quote_bytes` bytes of
/// its upper layer.
struct Error {
  Side from = Out;
  std::uint8_t type = 3;
  std::uint8_t code = 4;
  std::uint32_t router = 99;  ///< last four bytes of the sender's address
  std::size_t quote_bytes = 8;
  bool to_other = false;  ///< addressed to another host than the quoted sender
};

/// What the Tracker makes of a packet: "forward", "challenge", "opening", "stray", or the name of
/// the reason.
class Bench {
 public:
  explicit Bench(std::uint32_t capacity = 256, const Policy& policy = quiet(),
                 const Mapping::Place* place = nullptr, const std::string& name = "box");
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// No grace period, all timeouts as they are by default, hosts' own numbers on the wire.
  static Policy quiet();
  static Policy graceful();

  /// As the chain does, with a verdict of accept for everything that may open from outside:
  /// "open" when it was an opening that was let in.
  std::string send(const Segment& segment);
  std::string send(const Flow& flow, const Segment& segment);
  /// The same, but openings from outside stay "opening".
  std::string judge(const Segment& segment);

  std::string udp(Side from);
  std::string udp(const Flow& flow, Side from);
  /// An echo request, or a reply.
  std::string echo(Side from, bool request, std::uint16_t id = 77);
  std::string other(Side from, std::uint8_t protocol);
  /// An error about a TCP segment of this flow.
  std::string error(const Error& error, const Segment& quoted);
  /// An error about a packet whose upper layer starts with these bytes.
  std::string error(const Error& error, std::uint8_t protocol,
                    const std::vector<std::uint8_t>& quoted, Side quoted_from);

  /// Runs the sweep every `step`.
  void wait(std::chrono::milliseconds span,
            std::chrono::milliseconds step = std::chrono::milliseconds(100));
  /// Lets time pass without the sweep.
  void skip(std::chrono::milliseconds span) { now_ += span; }

  /// The record of this flow; nullptr when there is none.
  const Connection* record(const Flow& flow, std::uint8_t protocol = protocol::kTcp);
  const Connection* record() { return record(flow); }
  [[nodiscard]] const ConnectionTable& table() const {
    return tracker.table(flow.v6 ? Family::v6 : Family::v4);
  }
  [[nodiscard]] Now now() const { return Now(now_); }

  /// Opens from `opener`, ISNs 1000 (opener) and 5000, up to established.
  void establish(Side opener = Out);

  /// What the Tracker has made of the last segment, read from the frame.
  [[nodiscard]] Segment sent() const;

  Flow flow;
  bool host_lives = true;
  Tracker tracker;
  Tracker::Challenge challenge{};  ///< the last one

 private:
  Packet make(const Flow& flow, std::uint8_t protocol, Side from);
  Packet make(const Flow& flow, const Segment& segment);
  std::string run(Packet& packet, bool accept);
  void address(std::uint8_t* l3, const Flow& flow, Side from, std::uint8_t protocol) const;

  rte_mbuf* frame_;
  Packet last_;
  Time now_ = std::chrono::hours(1);
};

std::string name(TcpState state);

}  // namespace mitibox::test

// SPDX-License-Identifier: BSD-3-Clause
/// A handshake without memory: the ISN of a SYN/ACK is a cookie that the last ACK returns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/siphash.hpp"
#include "base/time.hpp"
#include "packet/offer.hpp"

namespace mitibox {

/// The client's side of a handshake.
struct Handshake {
  const FlowKey& flow;
  Family family = Family::v4;
  std::uint32_t client_isn = 0;  ///< host byte order
};

/// ISN = tag (24 bits) | masked offer (8 bits). Both depend on 4-tuple and client ISN through
/// SipHash-2-4 under the key of the hour; the tag covers the offer too, so that of the 2^32
/// acknowledgements 256 verify for a key, and none that is merely close to the right one.
/// No time slot: a repeated SYN gets the same ISN within the hour. Owned by one lcore.
class Cookie {
 public:
  static constexpr Time kKeyLife = std::chrono::hours(1);

  explicit Cookie(Key128 secret) : secret_(secret) {}

  /// The ISN to answer with, host byte order.
  std::uint32_t make(const Handshake& handshake, const SynOffer& offer, Now now);

  /// As make() for each of at most kBurst SYNs, all of one family, at once.
  void make(Family family, std::span<const Packet* const> syns, std::span<const SynOffer> offers,
            Now now, std::span<std::uint32_t> isns);

  /// The offer inside `isn`, its MSS rounded down to a class, if `isn` was made for this handshake
  /// in the current hour or the one before; nothing otherwise.
  std::optional<SynOffer> check(const Handshake& handshake, std::uint32_t isn, Now now);

  /// The largest MSS that a cookie can carry and that is not above `mss`.
  static std::uint16_t round_mss(std::uint16_t mss);

 private:
  struct HourKey {
    Key128 flow;  ///< 4-tuple and client ISN
    Key128 tag;   ///< that hash and the offer
  };
  void turn(Now now);
  template <std::size_t Words>
  void make_all(std::span<const Packet* const> syns, std::span<const SynOffer> offers,
                std::span<std::uint32_t> isns) const;
  [[nodiscard]] HourKey derive(std::uint64_t hour) const;

  Key128 secret_;
  std::uint64_t hour_ = UINT64_MAX;  ///< none yet
  std::array<HourKey, 2> keys_{};    ///< of this hour, of the one before
};

}  // namespace mitibox

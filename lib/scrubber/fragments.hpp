// SPDX-License-Identifier: BSD-3-Clause
/// Fragments on the wire: where they lie in their datagram, how a datagram is put together from
/// them and cut again.
#pragma once

#include <array>
#include <cstdint>

#include "packet/packet.hpp"

namespace mitibox {

/// Bytes into the datagram at which this fragment's payload starts; more_follow: the M flag.
struct FragmentPosition {
  std::uint32_t id = 0;
  std::uint16_t offset = 0;
  bool more_follow = false;
};
/// Of a packet whose `fragment` is set.
FragmentPosition fragment_position(const Packet& p);
/// Whether it holds something, ends at a multiple of 8 bytes unless it is the last, and lies within
/// the longest datagram (RFC 791 3.2, RFC 8200 4.5).
bool fragment_fits(const Packet& p);
/// Whether a first fragment holds its whole transport header (RFC 1858, RFC 8200 4.5).
bool holds_transport_header(const Packet& first);
/// S-IP6-6: an atomic fragment (RFC 6946) is a whole packet; takes out the header that stands right
/// behind the IPv6 header. `protocol` is that of the upper layer already.
void strip_fragment_header(Packet& p);

/// The fragments of one datagram that have come, in the order of their offsets. Owns no frame: who
/// has it does.
class Pieces {
 public:
  static constexpr std::size_t kMost = 8;  ///< S-FRAG-3

  struct Piece {
    rte_mbuf* frame = nullptr;
    std::uint16_t offset = 0;  ///< in the datagram, bytes
    std::uint16_t length = 0;  ///< bytes
    std::uint16_t at = 0;      ///< where its payload starts in the frame

    [[nodiscard]] std::uint32_t stop() const { return std::uint32_t{offset} + length; }
  };

  enum class Fit : std::uint8_t {
    added,      ///< there are holes yet
    complete,   ///< added; there is no hole any more
    duplicate,  ///< of one that is here, byte by byte
    overlap,    ///< covers what another one covers, or contradicts the end
    too_many,   ///< one more than kMost
  };
  /// Takes a fragment in for which fragment_fits() holds. It is in if `added` or `complete`.
  Fit add(const Packet& fragment);

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const Piece& operator[](std::size_t i) const { return pieces_[i]; }
  /// Bytes of the datagram behind the headers; once complete.
  [[nodiscard]] std::uint16_t length() const { return end_; }
  /// The longest IP packet among them, headers included, bytes.
  [[nodiscard]] std::uint16_t largest() const { return largest_; }

 private:
  std::array<Piece, kMost> pieces_{};
  std::uint16_t end_ = 0;  ///< of the datagram, when the last fragment has come
  std::uint16_t largest_ = 0;
  std::uint16_t sum_ = 0;  ///< of all lengths
  std::uint8_t count_ = 0;
};

/// Writes the datagram that complete pieces make into `whole`, with the headers of the first. False
/// when it is longer than the buffer, or than a Packet can say.
bool join(const Pieces& pieces, Family family, rte_mbuf* whole);

/// Writes a joined datagram, as it is now, into the frames that its pieces came in: as one packet
/// if every link takes that, else in fragments none of which is larger than the largest that came
/// (S-FRAG-6). Returns how many of the frames it used, in the order of the pieces; 0: it does not
/// fit. `id`: the fresh identifier, of which IPv4 takes the low 16 bits.
std::size_t split(const Packet& whole, const Pieces& pieces, std::uint32_t id);

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
/// Addresses and prefixes of both families in one type.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packet/wire.hpp"

namespace mitibox {

/// An IPv6 address, or an IPv4 address in its mapped form (::ffff:a.b.c.d, RFC 4291 2.5.5.2).
/// A mapped address never comes from an IPv6 packet: the Scrubber drops those.
struct Address {
  std::array<std::uint8_t, 16> bytes{};

  constexpr Address() = default;
  constexpr explicit Address(const std::array<std::uint8_t, 16>& v6) : bytes(v6) {}
  explicit Address(be32 v4) {
    // One store: what was written in pieces is slow to read back as a word.
    const std::uint64_t low = 0xffff0000U | std::uint64_t{v4.raw()} << 32U;
    std::memcpy(&bytes[8], &low, sizeof low);
  }

  [[nodiscard]] bool is_v4() const { return high() == 0 && word(2) == 0xffff0000U; }
  /// Only for an address that is_v4().
  [[nodiscard]] be32 v4() const { return be32::from_raw(word(3)); }
  /// The first and last eight bytes as they lie in memory; for hashing and comparing.
  [[nodiscard]] std::uint64_t high() const { return load(0); }
  [[nodiscard]] std::uint64_t low() const { return load(8); }

  // By halves: compilers make calls to memcmp of comparisons of arrays.
  friend std::strong_ordering operator<=>(const Address& a, const Address& b) {
    const std::uint64_t ah = __builtin_bswap64(a.high());
    const std::uint64_t bh = __builtin_bswap64(b.high());
    if (ah != bh) return ah <=> bh;
    return __builtin_bswap64(a.low()) <=> __builtin_bswap64(b.low());
  }
  friend bool operator==(const Address& a, const Address& b) {
    return a.high() == b.high() && a.low() == b.low();
  }

 private:
  [[nodiscard]] std::uint64_t load(std::size_t at) const {
    std::uint64_t w = 0;
    std::memcpy(&w, &bytes[at], 8);
    return w;
  }
  [[nodiscard]] std::uint32_t word(std::size_t i) const {
    std::uint32_t w = 0;
    std::memcpy(&w, &bytes[i * 4], 4);
    return w;
  }
};

/// Where an attempt goes: a protected address, a protocol, and a port where the protocol has one
/// (host byte order; 0 otherwise).
struct Destination {
  Address address;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
};

namespace detail {
/// By the first octet: no martian, one, or 169.254/16 perhaps.
inline constexpr std::array<std::uint8_t, 256> kMartianOctets = [] {
  std::array<std::uint8_t, 256> octets{};
  octets[0] = octets[127] = 1;
  octets[169] = 2;
  for (std::size_t i = 224; i < 256; ++i) octets[i] = 1;
  return octets;
}();
}  // namespace detail

/// Whether no host can have this address: 0/8, 127/8, 169.254/16, 224/3 (RFC 6890).
inline bool is_martian_v4(be32 address) {
  const std::uint8_t kind = detail::kMartianOctets[address.raw() & 0xffU];
  return kind != 0 && (kind == 1 || address.host() >> 16U == 0xa9fe);
}

/// "192.0.2.1" or "2001:db8::1"; nothing when it is neither. IPv4-mapped text is refused.
std::optional<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

/// The address with all but its first `bits` bits zero. `bits` counts within the family:
/// 0..32 for IPv4, 0..128 for IPv6.
Address masked(const Address& address, unsigned bits);

struct Prefix {
  Address address;    ///< host bits zero
  unsigned bits = 0;  ///< within the family: 0..32 or 0..128

  [[nodiscard]] bool contains(const Address& a) const {
    return a.is_v4() == address.is_v4() && masked(a, bits) == address;
  }
  /// First and last address.
  [[nodiscard]] Address first() const { return address; }
  [[nodiscard]] Address last() const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
};

/// "192.0.2.0/24", "2001:db8::/32", or an address alone (full length). Host bits that are set and
/// lengths with leading zeros are refused (nothing is returned).
std::optional<Prefix> parse_prefix(std::string_view text);
std::string to_string(const Prefix& prefix);

/// An immutable set of prefixes: disjoint intervals, searched by halving. Host byte order inside.
class PrefixSet {
 public:
  PrefixSet() = default;
  explicit PrefixSet(const std::vector<Prefix>& prefixes);

  [[nodiscard]] bool contains_v4(be32 address) const {
    const std::uint32_t a = address.host();
    if (v4_.size() == 1) [[likely]]
      return a - v4_[0].first <= v4_[0].last - v4_[0].first;
    const auto at = std::partition_point(v4_.begin(), v4_.end(),
                                         [a](const Interval4& i) { return i.last < a; });
    return at != v4_.end() && at->first <= a;
  }
  [[nodiscard]] bool contains_v6(const std::array<std::uint8_t, 16>& address) const;
  [[nodiscard]] bool contains(const Address& a) const {
    return a.is_v4() ? contains_v4(a.v4()) : contains_v6(a.bytes);
  }
  [[nodiscard]] bool empty() const { return v4_.empty() && v6_.empty(); }

 private:
  struct Interval4 {
    std::uint32_t first, last;
  };
  struct Interval6 {
    std::array<std::uint8_t, 16> first, last;
  };
  std::vector<Interval4> v4_;
  std::vector<Interval6> v6_;
};

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "packet/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace mitibox {

namespace {

constexpr unsigned kMappedBits = 96;

bool next_to(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b) {
  auto next = a;
  for (std::size_t i = 16; i-- > 0;)
    if (++next[i] != 0) return next == b;
  return false;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  // inet_pton() would not see what stands behind a NUL.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string s(text);
  if (in_addr v4{}; inet_pton(AF_INET, s.c_str(), &v4) == 1)
    return Address(be32::from_raw(v4.s_addr));
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, s.c_str(), v6.data()) != 1) return std::nullopt;
  Address a(v6);
  if (a.is_v4()) return std::nullopt;
  return a;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.is_v4())
    inet_ntop(AF_INET, &address.bytes[12], text.data(), text.size());
  else
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
  return text.data();
}

Address masked(const Address& address, unsigned bits) {
  const unsigned keep = address.is_v4() ? bits + kMappedBits : bits;
  Address out;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned from = i * 8;
    if (keep >= from + 8)
      out.bytes[i] = address.bytes[i];
    else if (keep > from)
      out.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> (keep - from)));
  }
  return out;
}

Address Prefix::last() const {
  const unsigned keep = address.is_v4() ? bits + kMappedBits : bits;
  Address out = address;
  for (unsigned i = keep; i < 128; ++i)
    out.bytes[i / 8] = static_cast<std::uint8_t>(out.bytes[i / 8] | (0x80U >> (i % 8)));
  return out;
}

std::optional<Prefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned full = address->is_v4() ? 32 : 128;
  unsigned bits = full;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
    const char* end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, bits);
    if (error != std::errc{} || at != end || bits > full) return std::nullopt;
  }
  if (masked(*address, bits) != *address) return std::nullopt;
  return Prefix{*address, bits};
}

std::string to_string(const Prefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.bits);
}

PrefixSet::PrefixSet(const std::vector<Prefix>& prefixes) {
  for (const Prefix& p : prefixes) {
    if (p.address.is_v4())
      v4_.push_back({p.first().v4().host(), p.last().v4().host()});
    else
      v6_.push_back({p.first().bytes, p.last().bytes});
  }
  std::sort(v4_.begin(), v4_.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::sort(v6_.begin(), v6_.end(), [](auto& a, auto& b) { return a.first < b.first; });
  const auto merge = [](auto& list, auto touches) {
    std::remove_reference_t<decltype(list)> merged;
    for (const auto& i : list) {
      if (!merged.empty() &&
          (i.first <= merged.back().last || touches(merged.back().last, i.first)))
        merged.back().last = std::max(merged.back().last, i.last);
      else
        merged.push_back(i);
    }
    list = std::move(merged);
  };
  merge(v4_, [](std::uint32_t a, std::uint32_t b) { return a != UINT32_MAX && a + 1 == b; });
  merge(v6_, next_to);
}

bool PrefixSet::contains_v6(const std::array<std::uint8_t, 16>& address) const {
  const auto at = std::partition_point(v6_.begin(), v6_.end(),
                                       [&](const Interval6& i) { return i.last < address; });
  return at != v6_.end() && at->first <= address;
}

}  // namespace mitibox

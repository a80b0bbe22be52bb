// SPDX-License-Identifier: BSD-3-Clause
#include "port/listed.hpp"

#include <algorithm>
#include <stdexcept>

namespace mitibox {

namespace {

constexpr unsigned kV4Bits = 32;
constexpr unsigned kV6Bits = 128;
constexpr const char* kTooMany = "neighbours.answer_dark: more than 1024 addresses";

unsigned host_bits(const Prefix& p) {
  return (p.address.is_v4() ? kV4Bits : kV6Bits) - p.bits;
}

Address next(Address address) {
  for (std::size_t i = address.bytes.size(); i-- > 0;)
    if (++address.bytes[i] != 0) break;
  return address;
}

bool answerable(const Policy& policy, const Address& a) {
  const auto has_host_at = [&](const Prefix& p) {
    if (host_bits(p) < 2) return true;  // RFC 3021, RFC 6164
    return a != p.first() && !(a.is_v4() && a == p.last());
  };
  const auto in_range = [&](const AddressRange& r) {
    return a.is_v4() == r.first.is_v4() && r.first <= a && a <= r.last;
  };
  const auto& dhcp = policy.neighbours.dhcp_ranges;
  const auto& prefixes = policy.protected_prefixes;
  return std::all_of(prefixes.begin(), prefixes.end(), has_host_at) &&
         std::none_of(dhcp.begin(), dhcp.end(), in_range) &&
         std::find(policy.gateways.begin(), policy.gateways.end(), a) == policy.gateways.end();
}

bool before(const Listed& a, const Listed& b) {
  return a.address < b.address;
}

}  // namespace

std::vector<Listed> list_addresses(const Policy& policy) {
  std::vector<Listed> list;
  for (const Prefix& p : policy.neighbours.answer_dark) {
    const unsigned bits = host_bits(p);
    if (bits > 10) throw std::invalid_argument(kTooMany);
    Address a = p.first();
    for (std::size_t i = std::size_t{1} << bits; i > 0; --i, a = next(a)) {
      if (!answerable(policy, a)) continue;
      list.emplace_back();
      list.back().address = a;
    }
  }
  std::sort(list.begin(), list.end(), before);
  const auto same = [](const Listed& a, const Listed& b) { return a.address == b.address; };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
  if (list.size() > kMaxListed) throw std::invalid_argument(kTooMany);
  return list;
}

std::int16_t find_listed(const std::vector<Listed>& list, const Address& address) {
  const auto at = std::partition_point(list.begin(), list.end(),
                                       [&](const Listed& l) { return l.address < address; });
  if (at == list.end() || at->address != address) return -1;
  return static_cast<std::int16_t>(at - list.begin());
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "port/host_table.hpp"

#include <algorithm>
#include <bit>

namespace mitibox {

namespace {

// The finisher of SplitMix64: neighbouring addresses differ in the last bytes only.
constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

HostTable::HostTable(std::uint64_t addresses) {
  // Half full at most, so that an ordinary LAN never fills a bucket.
  const std::uint64_t hosts = std::min<std::uint64_t>(addresses * 2, kMaxHosts);
  buckets_.resize(std::bit_ceil(std::max<std::uint64_t>(hosts / kWays, 1)));
}

std::size_t HostTable::bucket_of(const Address& address) const {
  return mix(address.low() ^ mix(address.high())) & (buckets_.size() - 1);
}

const Host* HostTable::find(const Address& address) const {
  for (const Host& host : buckets_[bucket_of(address)])
    if (host.used && host.address == address) return &host;
  return nullptr;
}

Host* HostTable::find(const Address& address) {
  for (Host& host : buckets_[bucket_of(address)])
    if (host.used && host.address == address) return &host;
  return nullptr;
}

Host& HostTable::insert(const Address& address, Tick now) {
  Bucket& bucket = buckets_[bucket_of(address)];
  Host* place = &bucket[0];
  for (Host& host : bucket) {
    if (!host.used) {
      place = &host;
      break;
    }
    if (elapsed(now, host.seen) > elapsed(now, place->seen)) place = &host;
  }
  *place = Host{address, {}, -1, now, 0, true};
  place->note_told(now);
  return *place;
}

void HostTable::erase(const Address& address) {
  if (Host* host = find(address); host != nullptr) host->used = false;
}

void HostTable::sweep(Tick now, std::uint32_t silence) {
  for (Host& host : buckets_[cursor_])
    if (elapsed(now, host.seen) >= silence) host.used = false;
  cursor_ = (cursor_ + 1) & (buckets_.size() - 1);
}

}  // namespace mitibox

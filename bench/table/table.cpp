// SPDX-License-Identifier: BSD-3-Clause
// The connection table alone: memory of a connection, look-ups, and connections that come and go.
// mitibox-table [EAL options] -- CAPACITY LIVE [4|6 [map]]
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "packet/packet.hpp"
#include "tracker/connection_table.hpp"

namespace mitibox {

namespace {

using Key = std::array<std::uint64_t, 5>;

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

Key key_of(std::uint64_t number) {
  const std::uint64_t last = (mixed(number) & 0xffffffffU) | 6ULL << 32U;
  return {number * 0x9e3779b97f4a7c15U, last, number, 7, last};
}

std::size_t allocated() {
  rte_malloc_socket_stats s{};
  rte_malloc_get_socket_stats(static_cast<int>(rte_socket_id()), &s);
  return s.heap_allocsz_bytes;
}

/// Of short stretches of work: the lower quartile, since others may use the core too.
class Costs {
 public:
  void add(std::uint64_t cycles, std::uint64_t count) {
    each_.push_back(static_cast<double>(cycles) / static_cast<double>(count));
  }
  double usual() {
    const auto at = each_.begin() + static_cast<std::ptrdiff_t>(each_.size() / 4);
    std::nth_element(each_.begin(), at, each_.end());
    return *at;
  }

 private:
  std::vector<double> each_;
};

class Measure {
 public:
  Measure(std::uint32_t capacity, std::uint32_t live, std::uint32_t key_size,
          const Mapping::Place* place)
      : live_(live),
        before_(allocated()),
        table_("bench", key_size, {capacity, capacity / 4, capacity / 2}, {1, 2}, place) {
    const std::size_t bytes = allocated() - before_;
    fmt::print("capacity {}, IPv{}: {} MiB, {:.2f} bytes a connection; stated {:.2f}\n", capacity,
               key_size == kKeySizeV4 ? 4 : 6, bytes >> 20U, static_cast<double>(bytes) / capacity,
               static_cast<double>(ConnectionTable::memory_bytes(key_size, capacity)) / capacity);
    Costs costs;
    for (std::uint64_t start = rte_rdtsc(); next_ < live_;) {
      open(next_++, Stage::settled);
      if (next_ % 256 != 0) continue;
      costs.add(rte_rdtsc() - start, 256);
      start = rte_rdtsc();
    }
    report("filled", costs);
  }

  void lookups() {
    std::array<Key, kBurst> keys;
    std::array<const void*, kBurst> pointers;
    std::array<std::uint32_t, kBurst> hashes;
    std::array<std::int32_t, kBurst> positions;
    Costs costs;
    std::uint64_t sum = 0;
    constexpr std::uint64_t kBursts = 200'000;
    for (std::uint64_t b = 0; b < kBursts; ++b) {
      for (std::size_t i = 0; i < kBurst; ++i) {
        keys[i] = key_of(mixed(b * kBurst + i) % live_);
        pointers[i] = &keys[i];
        hashes[i] = table_.hash(keys[i].data());
      }
      const std::uint64_t start = rte_rdtsc();
      table_.find(pointers, hashes.data(), positions.data());
      for (const std::int32_t p : positions) __builtin_prefetch(&table_[p], 1);
      for (const std::int32_t p : positions) sum += ++table_[p].last_seen;
      costs.add(rte_rdtsc() - start, kBurst);
    }
    report("found in bursts, record written", costs);
    if (sum == 0) fmt::print("\n");
  }

  /// As many come as expire: each is looked up four times, settles, and is swept.
  void churn() {
    for (std::uint32_t i = 0; i < live_; ++i) {
      const Key k = key_of(i);
      table_.check_at(table_.find(k.data(), table_.hash(k.data())), 1U << 30U);
    }
    constexpr std::uint64_t kCount = 4'000'000;
    const std::uint64_t gone = table_.expired();
    constexpr Tick kLife = 1000;
    constexpr std::uint64_t kTick = 1000;  // a million a second
    Tick now = 1;
    Costs costs;
    std::uint64_t start = rte_rdtsc();
    for (std::uint64_t i = 0; i < kCount; ++i) {
      if (i % kTick == 0) {
        if (i > kCount / 2) costs.add(rte_rdtsc() - start, kTick);
        start = rte_rdtsc();
        ++now;
      }
      if (i % 8 == 0)  // as many come in a burst
        table_.sweep(now, [](const Connection& c) { return c.last_seen + kLife; });
      const Key k = key_of(next_ + i);
      const std::uint32_t hash = table_.hash(k.data());
      if (table_.find(k.data(), hash) >= 0) throw std::runtime_error("found what is new");
      std::int32_t at = table_.insert(k.data(), hash, Stage::half_open);
      table_[at].last_seen = now;
      table_.check_at(at, now + kLife);
      at = table_.find(k.data(), table_.hash(k.data()));
      table_[at].replied = true;
      at = table_.find(k.data(), table_.hash(k.data()));
      table_.move_to(at, Stage::settled);
      table_.check_at(at, now + kLife);
    }
    next_ += kCount;
    report(fmt::format("came and went ({} expired)", table_.expired() - gone), costs);
  }

 private:
  void open(std::uint64_t number, Stage stage) {
    const Key k = key_of(number);
    const std::int32_t at = table_.insert(k.data(), table_.hash(k.data()), stage);
    if (at < 0) throw std::runtime_error(fmt::format("no room for connection {}", number));
    table_.check_at(at, 1U << 30U);
  }

  void report(const std::string& what, Costs& costs) const {
    const double cycles = costs.usual();
    fmt::print("  {} live, {}: {:.0f} cycles each, {:.2f} M/s\n", live_, what, cycles,
               static_cast<double>(rte_get_tsc_hz()) / cycles / 1e6);
    std::fflush(stdout);
  }

  std::uint64_t live_;
  std::size_t before_;
  ConnectionTable table_;
  std::uint64_t next_ = 0;
};

}  // namespace

}  // namespace mitibox

int main(int argc, char* argv[]) {
  const int eal = rte_eal_init(argc, argv);
  if (eal < 0 || argc - eal < 3) {
    fmt::print(stderr, "usage: mitibox-table [EAL options] -- CAPACITY LIVE [4|6 [map]]\n");
    return 2;
  }
  try {
    const auto capacity = static_cast<std::uint32_t>(std::atol(argv[eal + 1]));
    const auto live = static_cast<std::uint32_t>(std::atol(argv[eal + 2]));
    const bool v6 = argc - eal > 3 && argv[eal + 3][0] == '6';
    const auto key_size =
        static_cast<std::uint32_t>(v6 ? mitibox::kKeySizeV6 : mitibox::kKeySizeV4);
    const auto place = mitibox::Mapping::Place::standard(mitibox::Now());
    const bool mapped = argc - eal > 4;
    mitibox::Measure m(capacity, live, key_size, mapped ? &place : nullptr);
    if (mapped)
      fmt::print("  mapped in {}, {} MiB\n", place.directory,
                 mitibox::Mapping::held_bytes(place.directory, place.prefix) >> 20U);
    m.lookups();
    if (capacity - live > 2'500'000) m.churn();
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-table: {}\n", e.what());
    return 1;
  }
  return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "observe/heavy_hitters.hpp"

namespace mitibox {

HeavyHitters::HeavyHitters(Key128 key, const std::string& name)
    : key_(key), dice_(siphash24_of(key, 1U)), rows_(kRows, {name, "the number of lcores"}) {}

void HeavyHitters::add(const Item& item, std::uint32_t weight, Now now) {
  const std::uint64_t hash =
      siphash13_of(key_, item.address.high(), item.address.low(),
                   item.port | static_cast<std::uint64_t>(item.protocol) << 16U);
  Row* const set = &rows_[(hash >> 32U & (kSets - 1)) * kWays];
  // What may go first has the least standing: free, then stale, then the least that was counted.
  Row* least = set;
  const auto standing = [now](const Row& r) {
    return now.time - r.last > kStale ? 0 : r.count + r.missed;
  };
  for (Row* r = set; r != set + kWays; ++r) {
    if (r->count != 0 && r->item == item) {
      r->count += weight;
      ++r->seen;
      r->last = now.time;
      return;
    }
    if (standing(*r) < standing(*least)) least = r;
  }
  const std::uint64_t before = standing(*least);
  if (dice_.draw(before + weight) < weight) *least = {item, 1, weight, before, now.time, now.time};
}

}  // namespace mitibox

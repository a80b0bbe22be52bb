// SPDX-License-Identifier: BSD-3-Clause
#include "control/top.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace mitibox {

namespace {

using Row = TopOf::Row;

struct Order {
  bool operator()(const HeavyHitters::Item& a, const HeavyHitters::Item& b) const {
    return std::tuple(a.address, a.port, a.protocol) < std::tuple(b.address, b.port, b.protocol);
  }
};

}  // namespace

Top top(Box& box, TopOf::What what, std::size_t most) {
  Top all;
  std::map<HeavyHitters::Item, Row, Order> sums;
  for (unsigned worker = 0; worker < box.workers(); ++worker) {
    TopOf errand(what);
    do {
      box.ask(worker, errand);
      for (std::size_t i = 0; i < errand.count; ++i) {
        const Row& row = errand.rows[i];
        if (errand.asked_at - row.last > HeavyHitters::kStale) continue;
        const auto [at, fresh] = sums.emplace(row.item, row);
        if (fresh) continue;
        Row& sum = at->second;
        sum.count += row.count;
        sum.missed += row.missed;
        sum.since = std::min(sum.since, row.since);
        sum.last = std::max(sum.last, row.last);
      }
    } while (!errand.over);
    all.now = std::max(all.now, errand.asked_at);
  }
  for (const auto& [item, row] : sums) all.rows.push_back(row);
  const std::size_t kept = std::min(most, all.rows.size());
  std::partial_sort(all.rows.begin(), all.rows.begin() + static_cast<std::ptrdiff_t>(kept),
                    all.rows.end(), [](const Row& a, const Row& b) { return a.count > b.count; });
  all.rows.resize(kept);
  return all;
}

}  // namespace mitibox

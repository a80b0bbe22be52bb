// SPDX-License-Identifier: BSD-3-Clause
// top: who probes most, and what is probed most.
#include "control/top.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "control/arguments.hpp"
#include "control/wall_time.hpp"

namespace mitibox {

RunCommand run_top;

namespace {

constexpr std::uint64_t kUsual = 20;
constexpr std::uint64_t kMost = 10'000;

using Row = TopOf::Row;

const char* name_of(std::uint8_t number) {
  if (number == protocol::kTcp) return "tcp";
  if (number == protocol::kUdp) return "udp";
  return number == protocol::kIcmp || number == protocol::kIcmpv6 ? "echo" : "other";
}

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
        sum.seen += row.seen;
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

Json run_top(Box& box, const Json& given, const Emit& emit) {
  const Arguments arguments(given, {"what", "limit"});
  const std::string what = arguments.has("what") ? arguments.text("what") : "sources";
  if (what != "sources" && what != "destinations")
    throw ControlError("what: expected \"sources\" or \"destinations\"");
  const bool of_sources = what == "sources";
  const auto most = arguments.optional_number("limit", {1, kMost}).value_or(kUsual);
  const Top all = top(box, of_sources ? TopOf::What::sources : TopOf::What::destinations, most);
  for (const Row& r : all.rows) {
    Json row{{"address", to_string(r.item.address)}};
    if (!of_sources) {
      row["protocol"] = name_of(r.item.protocol);
      row["port"] = r.item.port;
    }
    row["probes"] = r.count;
    row["before"] = r.missed;
    row["since"] = date_of(r.since, all.now);
    row["idle_s"] = -seconds_until(r.last, all.now);
    if (of_sources) {
      row["level"] = r.level.number;
      row["left_s"] = r.level.number == 0 ? 0 : seconds_until(r.level.until, all.now);
    }
    emit(row);
  }
  return {{"rows", all.rows.size()}};
}

}  // namespace mitibox

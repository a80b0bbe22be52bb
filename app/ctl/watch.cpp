// SPDX-License-Identifier: BSD-3-Clause
#include "watch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <thread>

namespace mitibox::ctl {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kHome = "\x1b[H\x1b[2J";  ///< clears a terminal

std::uint64_t number(const Json& stats, const std::string& group, const std::string& name) {
  const auto g = stats.find(group);
  if (g == stats.end()) return 0;
  return g->value(name, std::uint64_t{0});
}

}  // namespace

std::string rates(const Json& before, const Json& now, std::chrono::duration<double> span) {
  std::string out = fmt::format("{:<36}{:>14}{:>18}\n", "", "a second", "in all");
  for (const auto& [group, entries] : now.items()) {
    std::string rows;
    for (const auto& [name, value] : entries.items()) {
      const auto is = value.get<std::uint64_t>();
      const std::uint64_t was = number(before, group, name);
      if (is == was) continue;
      // What a table holds may also fall.
      const double change = static_cast<double>(is) - static_cast<double>(was);
      rows += fmt::format("  {:<34}{:>14.1f}{:>18}\n", name, change / span.count(), is);
    }
    if (!rows.empty()) out.append(group).append("\n").append(rows);
  }
  return out;
}

void watch(Client& box, std::chrono::milliseconds period, unsigned count) {
  const auto ask = [&] { return box.ask("stats", Json::object(), [](const Json&) {}); };
  Json before = ask();
  auto then = Clock::now();
  for (unsigned i = 0; count == 0 || i < count; ++i) {
    std::this_thread::sleep_until(then + period);
    const Json now = ask();
    const auto read = Clock::now();
    fmt::print("{}{}", isatty(STDOUT_FILENO) != 0 ? kHome : "", rates(before, now, read - then));
    std::fflush(stdout);
    before = now;
    then = read;
  }
}

}  // namespace mitibox::ctl

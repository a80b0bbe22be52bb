// SPDX-License-Identifier: BSD-3-Clause
#include "eal_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "tracker/mapping.hpp"

namespace mitibox {

namespace {

bool has(const std::vector<std::string>& words, std::initializer_list<std::string_view> names) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& w) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      const bool is_long = name.substr(0, 2) == "--";
      return w == name || (is_long ? w.rfind(std::string(name) + "=", 0) == 0
                                   : w.rfind(name, 0) == 0 && w.substr(0, 2) != "--");
    });
  });
}

/// The value of the first of these options; nothing without one.
std::optional<std::string> value_of(const std::vector<std::string>& words,
                                    std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view name : names) {
      const bool is_long = name.substr(0, 2) == "--";
      if (words[i] == name) return i + 1 < words.size() ? words[i + 1] : std::string();
      if (is_long && words[i].rfind(std::string(name) + "=", 0) == 0)
        return words[i].substr(name.size() + 1);
      if (!is_long && words[i].rfind(name, 0) == 0 && words[i].substr(0, 2) != "--")
        return words[i].substr(name.size());
    }
  }
  return std::nullopt;
}

/// "0,2-4": numbers and ranges. What EAL would refuse counts as something; EAL will refuse it.
unsigned count_list(std::string_view list) {
  unsigned n = 0;
  while (!list.empty()) {
    const std::string item(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    const auto dash = item.find('-');
    const long first = std::atol(item.c_str());
    const long last = dash == std::string::npos ? first : std::atol(item.c_str() + dash + 1);
    n += static_cast<unsigned>(std::clamp(last - first + 1, 1L, long{RTE_MAX_LCORE}));
  }
  return n;
}

/// "(0-1)@0,2@3": lists of lcores, in brackets when they have more than one, each with its cores.
unsigned count_groups(std::string_view groups) {
  std::string lcores;
  int depth = 0;
  bool cores = false;
  for (const char c : groups) {
    if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '@') {
      cores = true;
    } else if (c == ',' && depth == 0) {
      cores = false;
      lcores += c;
    } else if (!cores) {
      lcores += c;
    }
  }
  return count_list(lcores);
}

std::size_t read_number(const std::filesystem::path& file) {
  std::size_t n = 0;
  std::ifstream(file) >> n;
  return n;
}

/// Free huge memory of all page sizes, in MiB.
std::size_t free_huge_megabytes() {
  std::size_t kilobytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = entry.path().filename();  // hugepages-2048kB
    const auto dash = name.find('-');
    if (dash == std::string::npos) continue;
    kilobytes += std::stoul(name.substr(dash + 1)) * read_number(entry.path() / "free_hugepages");
  }
  return kilobytes / 1024;
}

}  // namespace

unsigned count_lcores(const std::vector<std::string>& words) {
  unsigned n = 0;
  if (const auto groups = value_of(words, {"--lcores"})) {
    n = count_groups(*groups);
  } else if (const auto list = value_of(words, {"-l"})) {
    n = count_list(*list);
  } else if (const auto mask = value_of(words, {"-c"})) {
    for (const char c : *mask)
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0 && c != 'x')
        n += static_cast<unsigned>(
            std::popcount(static_cast<unsigned>(std::stoul(std::string(1, c), nullptr, 16))));
  } else {
    n = std::thread::hardware_concurrency();
  }
  return std::clamp(n, 1U, unsigned{RTE_MAX_LCORE});
}

void complete_eal_arguments(std::vector<std::string>& words, std::size_t megabytes) {
  if (!has(words, {"--file-prefix"})) {
    words.emplace_back("--file-prefix");
    words.emplace_back("mitibox");
  }
  if (has(words, {"--no-huge"})) {
    if (!has(words, {"-m", "--socket-mem"})) {
      words.emplace_back("-m");
      words.push_back(std::to_string(megabytes));
    }
    return;
  }
  // What an earlier run left is read and freed before the tables are made.
  const std::size_t found =
      free_huge_megabytes() +
      (Mapping::held_bytes(Mapping::hugetlb_directory(),
                           value_of(words, {"--file-prefix"}).value_or("mitibox")) >>
       20U);
  if (found < megabytes)
    throw std::runtime_error(
        fmt::format("this policy needs {} MiB of huge pages, {} MiB are free. Reserve them\n"
                    "  echo {} > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n"
                    "or lower tables.* in the policy, or run without them (slower): --no-huge",
                    megabytes, found, megabytes / 2 + 1));
}

}  // namespace mitibox

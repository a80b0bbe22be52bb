// SPDX-License-Identifier: BSD-3-Clause
#include "eal_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

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
  const std::size_t found = free_huge_megabytes();
  if (found < megabytes)
    throw std::runtime_error(
        fmt::format("this policy needs {} MiB of huge pages, {} MiB are free. Reserve them\n"
                    "  echo {} > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n"
                    "or lower tables.* in the policy, or run without them (slower): --no-huge",
                    megabytes, found, megabytes / 2 + 1));
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
/// With MITIBOX_SEEDS=DIR in the environment, what the tests send becomes seeds of the fuzz targets
/// `chain` and `scrubber`: DIR/chain, DIR/scrubber.
#pragma once

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "packet/packet.hpp"

namespace mitibox::test {

/// One conversation, in the form that tests/fuzz/chain.cpp reads.
class Seeds {
 public:
  Seeds() {
    const char* folder = std::getenv("MITIBOX_SEEDS");
    if (folder != nullptr) folder_ = folder;
  }
  ~Seeds() { write("chain", script_); }
  Seeds(const Seeds&) = delete;
  Seeds& operator=(const Seeds&) = delete;

  void frame(Side from, std::string_view bytes) {
    if (folder_.empty() || bytes.size() > kFrame) return;
    const bool inside = from == Side::inside;
    write("scrubber", std::string(1, inside ? '\4' : '\0').append(bytes));
    script_ += inside ? '\x81' : '\1';
    script_ += static_cast<char>(bytes.size() >> 8U);
    script_ += static_cast<char>(bytes.size());
    script_ += bytes;
  }
  void wait(Time span) {
    const auto us = static_cast<std::uint64_t>(span.count()) / 1000U;
    script_ += '\12';
    script_ += static_cast<char>(us == 0 ? 0 : std::bit_width(us) - 1);
  }

 private:
  static constexpr std::size_t kFrame = 1514, kSeed = 4096;

  void write(const char* target, const std::string& bytes) const {
    if (folder_.empty() || bytes.size() <= 1 || bytes.size() > kSeed) return;
    const auto place = folder_ / target;
    std::filesystem::create_directories(place);
    std::ofstream(place / std::to_string(std::hash<std::string>()(bytes)), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::filesystem::path folder_;
  std::string script_ = "\1";  ///< no coin
};

}  // namespace mitibox::test

// SPDX-License-Identifier: BSD-3-Clause
// Writes the captures of one case: mitibox-bench-captures CASE PACKETS CONNECTIONS SEED DIR.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

#include "traffic.hpp"

namespace mitibox::bench {

namespace {

struct Close {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

/// A pcap file (microseconds, Ethernet), written by hand: millions of small frames.
class Writer {
 public:
  explicit Writer(const std::string& file) : name_(file), file_(std::fopen(file.c_str(), "wb")) {
    if (!file_) throw std::runtime_error("cannot write " + file);
    std::setvbuf(file_.get(), nullptr, _IOFBF, 1U << 20U);
    const std::array<std::uint32_t, 6> header{0xa1b2c3d4U, 0x00040002U, 0, 0, 65535, 1};
    put(header.data(), sizeof header);
  }
  void frame(const std::uint8_t* at, std::size_t length) {
    const auto n = static_cast<std::uint32_t>(length);
    const std::array<std::uint32_t, 4> header{0, 0, n, n};
    put(header.data(), sizeof header);
    put(at, length);
  }

 private:
  void put(const void* at, std::size_t length) {
    if (std::fwrite(at, 1, length, file_.get()) != length)
      throw std::runtime_error(name_ + ": not everything could be written");
  }
  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

void write(std::string_view name, Case::Sizes sizes, std::uint64_t seed, const std::string& dir) {
  Case c(name, sizes, seed);
  std::array<std::uint8_t, 1518> bytes{};
  for (const Side side : {Side::outside, Side::inside}) {
    Writer out(fmt::format("{}/{}.pcap", dir, side == Side::outside ? "outside" : "inside"));
    for (std::uint64_t i = 0; i < sizes.packets; ++i)
      if (const std::size_t n = c.frame(side, i, bytes.data()); n != 0) out.frame(bytes.data(), n);
  }
}

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox::bench;
  try {
    if (argc != 6)
      throw std::runtime_error(
          fmt::format("usage: mitibox-bench-captures CASE PACKETS CONNECTIONS SEED DIR\ncases: {}",
                      fmt::join(Case::names(), " ")));
    write(argv[1], {std::stoull(argv[2]), std::stoull(argv[3])}, std::stoull(argv[4]), argv[5]);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench-captures: {}\n", e.what());
    return 1;
  }
}

// SPDX-License-Identifier: BSD-3-Clause
// Writes the captures of one case: mitibox-bench-captures CASE PACKETS CONNECTIONS SEED QUEUES DIR.
// DIR/outside0.pcap, DIR/inside0.pcap, and as many more as there are queues; packets are counted
// over all queues of a port.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "opener.hpp"
#include "shard/owner.hpp"
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

/// The outside address of an untagged frame.
Address outside_address(Side side, const std::uint8_t* frame) {
  const bool out = side == Side::outside;
  if (frame[12] == 0x08) {
    std::uint32_t raw = 0;
    std::memcpy(&raw, frame + (out ? 26 : 30), sizeof raw);
    return Address(be32::from_raw(raw));
  }
  std::array<std::uint8_t, 16> v6{};
  std::memcpy(v6.data(), frame + (out ? 22 : 38), v6.size());
  return Address(v6);
}

struct Order {
  std::string name;
  Case::Sizes sizes;
  std::uint64_t seed = 0;
  std::size_t queues = 1;
  std::string dir;
};

void write(const Order& order) {
  Case c(order.name, order.sizes, order.seed);
  std::array<std::uint8_t, 1518> bytes{};
  // As a NIC's RSS puts them that the box has set up: each arrives at its owner.
  const Owner owner(Policy{}, secrets(), static_cast<unsigned>(order.queues));
  for (const Side side : {Side::outside, Side::inside}) {
    std::vector<Writer> queues;
    for (std::size_t q = 0; q < order.queues; ++q)
      queues.emplace_back(
          fmt::format("{}/{}{}.pcap", order.dir, side == Side::outside ? "outside" : "inside", q));
    for (std::uint64_t i = 0; i < order.sizes.packets; ++i)
      if (const std::size_t n = c.frame(side, i, bytes.data()); n != 0)
        queues[owner.of(outside_address(side, bytes.data()))].frame(bytes.data(), n);
  }
}

}  // namespace

}  // namespace mitibox::bench

int main(int argc, char* argv[]) {
  using namespace mitibox::bench;
  try {
    if (argc != 7)
      throw std::runtime_error(fmt::format(
          "usage: mitibox-bench-captures CASE PACKETS CONNECTIONS SEED QUEUES DIR\ncases: {}",
          fmt::join(Case::names(), " ")));
    write({argv[1],
           {std::stoull(argv[2]), std::stoull(argv[3])},
           std::stoull(argv[4]),
           std::max<std::size_t>(1, std::stoull(argv[5])),
           argv[6]});
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-bench-captures: {}\n", e.what());
    return 1;
  }
}

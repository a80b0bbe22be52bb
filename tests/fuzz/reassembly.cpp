// SPDX-License-Identifier: BSD-3-Clause
// Datagrams in pieces, in any order, beside pieces of others that lie. Whatever leaves inside as a
// whole datagram is one that was sent.
#include <rte_mbuf.h>

#include <algorithm>
#include <map>

#include "lab.hpp"

namespace mitibox::fuzz {

namespace {

constexpr std::size_t kHeaders = 34;  // Ethernet and IPv4

/// UDP to a service; each byte tells its datagram and place.
Bytes datagram(std::uint8_t number, std::size_t payload) {
  Bytes f{2, 0, 0,      0, 0, 11, 2,  0, 0, 0,   0,  10,  8, 0,   0x45, 0,   0,
          0, 0, number, 0, 0, 64, 17, 0, 0, 198, 51, 100, 7, 203, 0,    113, 10};
  f.insert(f.end(), {0x9c, 0x40, 0, 53, static_cast<std::uint8_t>((payload + 8) >> 8U),
                     static_cast<std::uint8_t>(payload + 8), 0, 0});
  for (std::size_t i = 0; i < payload; ++i)
    f.push_back(static_cast<std::uint8_t>(i * 7 + number * 31U));
  f[16] = static_cast<std::uint8_t>((f.size() - 14) >> 8U);
  f[17] = static_cast<std::uint8_t>(f.size() - 14);
  make_sound(f);
  return f;
}

Bytes piece(const Bytes& whole, std::size_t from, std::size_t size, bool more) {
  Bytes f(whole.begin(), whole.begin() + kHeaders);
  const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(kHeaders + from);
  f.insert(f.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
  f[16] = static_cast<std::uint8_t>((f.size() - 14) >> 8U);
  f[17] = static_cast<std::uint8_t>(f.size() - 14);
  f[20] = static_cast<std::uint8_t>((more ? 0x20U : 0U) | from / 8 >> 8U);
  f[21] = static_cast<std::uint8_t>(from / 8);
  f[24] = f[25] = 0;
  const std::uint16_t sum = checksum(std::span(f).subspan(14, 20));
  f[24] = static_cast<std::uint8_t>(sum >> 8U);
  f[25] = static_cast<std::uint8_t>(sum);
  return f;
}

/// Puts together what left inside.
class Receiver {
 public:
  void hear(std::span<const std::uint8_t> f) {
    if (f.size() < kHeaders || f[12] != 8 || f[13] != 0 || f[23] != 17) return;
    const unsigned id = static_cast<unsigned>(f[18]) << 8U | f[19];
    const std::size_t offset = (static_cast<std::size_t>(f[20] & 0x1fU) << 8U | f[21]) * 8;
    const std::size_t length = (static_cast<std::size_t>(f[16]) << 8U | f[17]) - 20;
    Datagram& d = got[id];
    if (d.bytes.size() < offset + length) d.bytes.resize(offset + length);
    std::copy_n(f.begin() + kHeaders, length,
                d.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    d.have += length;
    if ((f[20] & 0x20U) == 0) d.total = offset + length;
    if (d.total == 0 || d.have < d.total) return;
    must(d.have == d.total, "pieces that leave do not overlap");
    whole.push_back(std::move(d.bytes));
    got.erase(id);
  }
  struct Datagram {
    Bytes bytes;
    std::size_t have = 0, total = 0;
  };
  std::map<unsigned, Datagram> got;
  std::vector<Bytes> whole;
};

}  // namespace

}  // namespace mitibox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox;
  using namespace mitibox::fuzz;
  begin("mitibox-fuzz-reassembly");
  Input input({data, size});
  Lab lab(policy_of(1));
  Receiver host;
  lab.listen([&](Side to, std::span<const std::uint8_t> f) {
    if (to == Side::inside) host.hear(f);
  });
  std::vector<Bytes> all;
  for (std::uint8_t i = 0; i < 4; ++i) all.push_back(datagram(i, 40 + input.u16() % 1400U));
  for (int i = 0; i < 100 && !input.over(); ++i) {
    const std::uint8_t how = input.u8();
    const Bytes& whole = all[how & 3U];
    const std::size_t upper = whole.size() - kHeaders;
    if ((how & 0x70U) == 0x70U) {
      lab.step(std::chrono::milliseconds(1LL << (input.u8() % 16U)));
      continue;
    }
    const std::size_t from = input.u8() * std::size_t{8} % upper / 8 * 8;
    std::size_t length = std::min<std::size_t>((input.u8() % 64U + 1) * 8U, upper - from);
    bool more = from + length < upper;
    if ((how & 4U) != 0) more = !more;                      // a lie about the end
    if ((how & 8U) != 0 && length > 3) length -= how % 4U;  // not a multiple of eight
    Bytes f = piece(whole, from, length, more);
    // A lie about the content.
    if ((how & 0x80U) != 0) f[kHeaders + input.u8() % length] ^= 0x55U;
    lab.send(Side::outside, f);
  }
  for (const Bytes& got : host.whole)
    must(std::any_of(all.begin(), all.end(),
                     [&](const Bytes& sent) {
                       return std::equal(got.begin(), got.end(), sent.begin() + kHeaders,
                                         sent.end());
                     }),
         "a datagram that left is one that was sent");
  return 0;
}

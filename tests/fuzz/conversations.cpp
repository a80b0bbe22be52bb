// SPDX-License-Identifier: BSD-3-Clause
// What clients say in forged conversations. The box never says much more than it heard, and never
// what a mail server says when it takes a letter.
#include <algorithm>
#include <string_view>

#include "lab.hpp"

namespace mitibox::fuzz {

namespace {

constexpr std::size_t kHeaders = 54;
constexpr std::uint32_t kFirst = 1000;

struct Client {
  Lab& lab;
  std::uint8_t number;
  std::uint32_t next = kFirst;
  std::uint64_t segments = 0;

  void say(std::uint8_t flags, std::span<const std::uint8_t> data) {
    Bytes f{2, 0, 0, 0,    0, 11, 2, 0, 0, 0,   0,  10,  8,      0,   0x45, 0,   0,
            0, 0, 7, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, number, 203, 0,    113, 77};
    const Lab::Last& last = lab.last(Side::outside);
    const std::uint32_t acknowledgement = (flags & 0x10U) != 0 ? last.sequence + 1 : 0;
    f.insert(f.end(), {0x9c, 0x40, 0, 25});
    for (const std::uint32_t word : {next, acknowledgement})
      for (unsigned shift = 32; shift != 0;)
        f.push_back(static_cast<std::uint8_t>(word >> (shift -= 8)));
    f.insert(f.end(), {0x50, flags, 4, 0, 0, 0, 0, 0});
    f.insert(f.end(), data.begin(), data.end());
    f[16] = static_cast<std::uint8_t>((f.size() - 14) >> 8U);
    f[17] = static_cast<std::uint8_t>(f.size() - 14);
    make_sound(f);
    lab.send(Side::outside, f);
    ++segments;
    next += static_cast<std::uint32_t>(data.size()) + ((flags & 3U) != 0 ? 1U : 0U);
  }
};

}  // namespace

}  // namespace mitibox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox;
  using namespace mitibox::fuzz;
  begin("mitibox-fuzz-conversations");
  Input input({data, size});
  Lab lab(policy_of(4));
  std::uint64_t heard = 0;
  std::uint64_t said = 0;
  lab.listen([&](Side to, std::span<const std::uint8_t> f) {
    must(to == Side::outside, "no host learns of it");
    if (f.size() < kHeaders || f[23] != 6) return;
    const std::size_t l4 = 34 + (f[46] >> 4U) * std::size_t{4};
    const std::size_t end = 14 + (static_cast<std::size_t>(f[16]) << 8U | f[17]);
    if (end <= l4) return;
    said += end - l4;
    const std::string_view text(reinterpret_cast<const char*>(f.data()) + l4, end - l4);
    must(text.substr(0, 3) != "250" && text.substr(0, 3) != "354", "no letter is taken");
  });
  std::array<Client, 3> clients{Client{lab, 7}, Client{lab, 8}, Client{lab, 9}};
  for (int i = 0; i < 100 && !input.over(); ++i) {
    const std::uint8_t how = input.u8();
    Client& c = clients[how % clients.size()];
    switch (how >> 4U & 7U) {
      case 0:
        c.next = kFirst;
        c.say(0x02, {});
        c.say(0x10, {});
        break;
      case 1:
        lab.step(std::chrono::milliseconds(1LL << (input.u8() % 20U)));
        break;
      case 2:
        c.say(0x11, {});
        break;
      case 3:
        c.next -= input.u8();
        c.say(0x10, {});
        break;
      case 4:
        c.say(input.u8(), {});
        break;
      default: {
        const auto words = input.take(input.u8());
        heard += words.size();
        c.say(0x18, words);
      }
    }
  }
  lab.step(std::chrono::minutes(5));
  // What the policy lets it say, and its repetitions while nobody acknowledges them, to each
  // segment that may have opened a conversation.
  constexpr std::uint64_t kSaying = std::uint64_t{28} * 8;
  const std::uint64_t segments = clients[0].segments + clients[1].segments + clients[2].segments;
  must(said <= heard + segments * kSaying, "the box says little");
  return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Sequences of frames and clock steps on both ports. The accounts, the buffers and what leaves are
// the oracle.
#include <algorithm>

#include "lab.hpp"

namespace mitibox::fuzz {

namespace {

constexpr std::array<std::uint8_t, 14> kIn{2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10, 8, 0};

/// The ends of a conversation: few, so that frames meet.
struct Ends {
  bool v6;
  std::uint8_t host, stranger;
  std::uint16_t host_port, stranger_port;
};

Ends ends_of(std::uint8_t choice) {
  constexpr std::array<std::uint8_t, 4> kHosts{10, 25, 10, 77};
  constexpr std::array<std::uint16_t, 4> kPorts{443, 25, 53, 8080};
  return {(choice & 0x80U) != 0, kHosts[choice & 3U], static_cast<std::uint8_t>(choice >> 4U & 3U),
          kPorts[choice >> 2U & 3U], static_cast<std::uint16_t>(40000 + (choice >> 6U & 1U))};
}

/// An Ethernet frame of IP without its transport checksum.
Bytes packet(Side from, const Ends& e, std::uint8_t protocol, const Bytes& upper) {
  Bytes f(kIn.begin(), kIn.end());
  if (from == Side::inside) std::rotate(f.begin(), f.begin() + 6, f.begin() + 12);
  if (e.v6) {
    f[12] = 0x86;
    f[13] = 0xdd;
    const Bytes host{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, e.host};
    const Bytes stranger{0x20, 1, 0xd, 0xb8, 0, 9, 0, e.stranger, 0, 0, 0, 0, 0, 0, 0, 7};
    const auto size = upper.size();
    f.insert(f.end(), {0x60, 0, 0, 0, static_cast<std::uint8_t>(size >> 8U),
                       static_cast<std::uint8_t>(size), protocol, 64});
    const Bytes& a = from == Side::outside ? stranger : host;
    const Bytes& b = from == Side::outside ? host : stranger;
    f.insert(f.end(), a.begin(), a.end());
    f.insert(f.end(), b.begin(), b.end());
  } else {
    const auto size = upper.size() + 20;
    f.insert(f.end(), {0x45, 0, static_cast<std::uint8_t>(size >> 8U),
                       static_cast<std::uint8_t>(size), 0, 7, 0x40, 0, 64, protocol, 0, 0});
    const std::array<std::uint8_t, 4> host{203, 0, 113, e.host};
    const std::array<std::uint8_t, 4> stranger{198, 51, 100,
                                               static_cast<std::uint8_t>(e.stranger + 7)};
    const auto& a = from == Side::outside ? stranger : host;
    const auto& b = from == Side::outside ? host : stranger;
    f.insert(f.end(), a.begin(), a.end());
    f.insert(f.end(), b.begin(), b.end());
  }
  f.insert(f.end(), upper.begin(), upper.end());
  return f;
}

void put16(Bytes& b, std::uint16_t v) {
  b.insert(b.end(), {static_cast<std::uint8_t>(v >> 8U), static_cast<std::uint8_t>(v)});
}
void put32(Bytes& b, std::uint32_t v) {
  put16(b, static_cast<std::uint16_t>(v >> 16U));
  put16(b, static_cast<std::uint16_t>(v));
}

class Script {
 public:
  Script(Lab& lab, Input& input) : lab_(lab), in_(input) {}

  void run() {
    for (int i = 0; i < 200 && !in_.over(); ++i) one();
  }

 private:
  void one() {
    const std::uint8_t op = in_.u8();
    const Side from = (op & 0x80U) != 0 ? Side::inside : Side::outside;
    switch (op & 15U) {
      case 0: {
        const auto bytes = in_.take(in_.u8());
        frame_.assign(bytes.begin(), bytes.end());
        return lab_.send(from, frame_);
      }
      case 1: {
        const std::uint16_t size = in_.u16() % 1515;
        const auto bytes = in_.take(size);
        frame_.assign(bytes.begin(), bytes.end());
        make_sound(frame_);
        return lab_.send(from, frame_);
      }
      case 2:
      case 3:
      case 4:
      case 5:
        return tcp(from, op);
      case 6:
        return udp(from);
      case 7:
        return echo(from);
      case 8:
        return error(from);
      case 9:
        return pieces(from);
      case 10:
      case 11:
        return lab_.step(std::chrono::microseconds(1LL << (in_.u8() % 34U)));
      case 12:
        return lab_.starve((op & 0x80U) != 0);
      case 13:
        return lab_.throttle((op & 0x80U) != 0 ? UINT16_MAX : in_.u8() % 4U);
      case 14:
        return lab_.send(from, frame_);  // again
      default:
        return change(from);
    }
  }

  void tcp(Side from, std::uint8_t op) {
    const Ends e = ends_of(in_.u8());
    const std::uint8_t how = in_.u8();
    constexpr std::array<std::uint8_t, 8> kFlags{0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0};
    std::uint8_t flags = kFlags[how & 7U];
    if ((how & 7U) == 7) flags = in_.u8();
    // What the box last said to this side, or a number of one's own.
    const Lab::Last& last = lab_.last(from);
    std::uint32_t sequence = (how & 8U) != 0 ? 1000 : last.acknowledgement;
    std::uint32_t acknowledgement = last.sequence + ((how & 16U) != 0 ? 1U : 0U);
    if ((how & 32U) != 0)
      sequence += static_cast<std::uint32_t>(static_cast<std::int8_t>(in_.u8()));
    if ((how & 64U) != 0) acknowledgement += in_.u32();
    if ((how & 128U) != 0) sequence += in_.u32();
    Bytes options;
    if ((op & 16U) != 0) {
      const auto said = in_.take(in_.u8() % 41U);
      options.assign(said.begin(), said.end());
    } else if ((op & 32U) != 0) {
      options = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7};
    }
    while (options.size() % 4 != 0) options.push_back(1);
    Bytes t;
    put16(t, from == Side::outside ? e.stranger_port : e.host_port);
    put16(t, from == Side::outside ? e.host_port : e.stranger_port);
    put32(t, sequence);
    put32(t, acknowledgement);
    put16(t, static_cast<std::uint16_t>((5 + options.size() / 4) << 12U | flags));
    put16(t, (op & 64U) != 0 ? in_.u16() : std::uint16_t{1024});
    put32(t, (flags & 0x20U) != 0 ? in_.u8() : 0U);
    t.insert(t.end(), options.begin(), options.end());
    t.insert(t.end(), data(op), 0x61);
    send(from, e, 6, t);
  }

  std::size_t data(std::uint8_t op) {
    if ((op & 15U) == 2) return 0;
    if ((op & 15U) == 3) return in_.u8();
    if ((op & 15U) == 4) return in_.u16() % 1440U;
    return 3;
  }

  void udp(Side from) {
    const Ends e = ends_of(in_.u8());
    Bytes u;
    put16(u, from == Side::outside ? e.stranger_port : e.host_port);
    put16(u, from == Side::outside ? e.host_port : e.stranger_port);
    const auto said = in_.take(in_.u8() % 64U);
    put16(u, static_cast<std::uint16_t>(8 + said.size()));
    put16(u, 0);
    u.insert(u.end(), said.begin(), said.end());
    send(from, e, 17, u);
  }

  void echo(Side from) {
    const Ends e = ends_of(in_.u8());
    const std::uint8_t how = in_.u8();
    Bytes u;
    const bool answer = (how & 1U) != 0;
    const unsigned type = e.v6 ? (answer ? 129 : 128) : (answer ? 0 : 8);
    put16(u, static_cast<std::uint16_t>(type << 8U | ((how & 2U) != 0 ? in_.u8() : 0U)));
    put16(u, 0);
    put16(u, 7);
    put16(u, how >> 4U);
    u.insert(u.end(), (how & 12U) * 16U, 0x62);
    send(from, e, e.v6 ? 58 : 1, u);
  }

  /// An ICMP error about the frame before.
  void error(Side from) {
    const Ends e = ends_of(in_.u8());
    Bytes u;
    const std::uint16_t what = in_.u16();
    constexpr std::array<std::uint8_t, 4> kErrors{3, 11, 12, 4};
    constexpr std::array<std::uint8_t, 4> kErrors6{1, 3, 4, 2};
    put16(u, static_cast<std::uint16_t>(unsigned{(e.v6 ? kErrors6 : kErrors)[what & 3U]} << 8U |
                                        (what >> 4U & 15U)));
    put16(u, 0);
    put32(u, (what & 0x100U) != 0 ? in_.u32() : 1280U);
    const std::size_t most = (what & 0x200U) != 0 ? in_.u8() : 512;
    if (frame_.size() > 14)
      u.insert(
          u.end(), frame_.begin() + 14,
          frame_.begin() + 14 + static_cast<std::ptrdiff_t>(std::min(most, frame_.size() - 14)));
    const Bytes before = frame_;
    send(from, e, e.v6 ? 58 : 1, u);
    frame_ = before;
  }

  /// The frame before, as fragments.
  void pieces(Side from) {
    const std::uint8_t id = in_.u8();
    const std::size_t piece = (in_.u8() % 32U + 1) * 8U;
    if (frame_.size() < 34) return;
    const bool v6 = frame_[12] == 0x86;
    const std::size_t l4 = v6 ? 54 : 34;
    if (frame_.size() <= l4) return;
    const Bytes upper(frame_.begin() + static_cast<std::ptrdiff_t>(l4), frame_.end());
    const std::uint8_t order = in_.u8();
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < upper.size(); at += piece) starts.push_back(at);
    if ((order & 1U) != 0) std::reverse(starts.begin(), starts.end());
    if ((order & 2U) != 0 && starts.size() > 1) starts.pop_back();
    if ((order & 4U) != 0) starts.push_back(starts.front());
    for (const std::size_t start : starts) {
      const std::size_t at = start + ((order & 8U) != 0 ? in_.u8() % 3U * 8U : 0U);
      const std::size_t end = std::min(start + piece, upper.size());
      const bool more = end < upper.size();
      Bytes f(frame_.begin(), frame_.begin() + static_cast<std::ptrdiff_t>(l4));
      if (v6) {
        const std::uint8_t next = f[20];
        f[20] = 44;
        f.insert(f.end(),
                 {next, 0, static_cast<std::uint8_t>(at >> 8U),
                  static_cast<std::uint8_t>((at & 0xf8U) | (more ? 1U : 0U)), 0, 0, 0, id});
      } else {
        f[18] = 0;
        f[19] = id;
        f[20] = static_cast<std::uint8_t>((more ? 0x20U : 0U) | (at / 8 >> 8U));
        f[21] = static_cast<std::uint8_t>(at / 8);
      }
      f.insert(f.end(), upper.begin() + static_cast<std::ptrdiff_t>(start),
               upper.begin() + static_cast<std::ptrdiff_t>(end));
      const std::size_t length = f.size() - (v6 ? 54U : 14U);
      f[v6 ? 18 : 16] = static_cast<std::uint8_t>(length >> 8U);
      f[v6 ? 19 : 17] = static_cast<std::uint8_t>(length);
      make_sound(f);
      lab_.send(from, f);
    }
  }

  /// The frame before, with one byte changed, and sound again.
  void change(Side from) {
    const std::size_t at = in_.u8();
    const std::uint8_t by = in_.u8();
    if (frame_.empty()) return;
    frame_[at % frame_.size()] ^= by;
    if ((by & 1U) != 0) make_sound(frame_);
    lab_.send(from, frame_);
  }

  void send(Side from, const Ends& e, std::uint8_t protocol, const Bytes& upper) {
    frame_ = packet(from, e, protocol, upper);
    make_sound(frame_);
    lab_.send(from, frame_);
  }

  Lab& lab_;
  Input& in_;
  Bytes frame_;
};

}  // namespace

}  // namespace mitibox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox::fuzz;
  begin("mitibox-fuzz-chain");
  Input input({data, size});
  Lab lab(policy_of(input.u8()));
  Script(lab, input).run();
  return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "port/link_mirror.hpp"

#include <fmt/format.h>

namespace mitibox {

namespace {

const char* name(Side side) {
  return side == Side::outside ? "outside" : "inside";
}

}  // namespace

LinkMirror::LinkMirror(PortLink& outside, PortLink& inside, Time now) : halves_{} {
  half(Side::outside).link = &outside;
  half(Side::inside).link = &inside;
  for (Half& h : halves_) {
    h.link->set(true);  // most are; a driver that cannot has nothing to raise
    h.patient_until = now + kPatience;
  }
}

std::vector<std::string> LinkMirror::poll(Time now) {
  std::vector<std::string> lines;
  std::array<bool, kSides> up{};
  for (const Side side : {Side::outside, Side::inside}) {
    Half& h = half(side);
    up[index(side)] = h.link->up();
    if (up[index(side)]) h.patient_until = now;
  }
  for (const Side side : {Side::outside, Side::inside}) {
    Half& h = half(side);
    Half& o = half(other(side));
    if (h.cut && up[index(other(side))]) {
      if (!h.link->set(true).empty()) continue;  // asked again
      h.cut = false;
      h.patient_until = now + kPatience;
      lines.push_back(fmt::format("link: {} is back, {} is raised", name(other(side)), name(side)));
    } else if (!h.cut && !o.cut && o.can_be_cut && !up[index(side)] && now >= h.patient_until) {
      const std::string wrong = o.link->set(false);
      o.cut = wrong.empty();
      o.can_be_cut = wrong.empty();
      lines.push_back(
          wrong.empty() ? fmt::format("link: {} is down, {} is cut", name(side), name(other(side)))
                        : fmt::format("link: {} is down, {} cannot be cut: {}", name(side),
                                      name(other(side)), wrong));
    }
  }
  return lines;
}

void LinkMirror::end() {
  for (Half& h : halves_)
    if (h.cut && h.link->set(true).empty()) h.cut = false;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "packet/offer.hpp"

#include <algorithm>

#include "packet/cursor.hpp"

namespace mitibox {

namespace {

struct OptionHead {
  std::uint8_t kind, length;
};

/// Takes one option with a length; false when it is malformed.
bool take_option(Cursor& options, SynOffer& offer) {
  const auto* head = options.take<OptionHead>();
  if (head == nullptr || head->length < sizeof *head) return false;
  const std::size_t body = head->length - sizeof *head;
  if (options.left() < body) return false;
  if (head->kind == tcp::kOptionMss && body == 2)
    offer.mss = options.peek<be16>()->host();
  else if (head->kind == tcp::kOptionWindowScale && body == 1)
    offer.window_scale = std::min(*options.peek<std::uint8_t>(), SynOffer::kMaxScale);
  else if (head->kind == tcp::kOptionSackPermitted && body == 0)
    offer.sack = true;
  return options.skip(body);
}

}  // namespace

SynOffer read_offer(const Packet& syn) {
  SynOffer offer;
  if (syn.family == Family::v6) offer.mss = 1220;
  const std::size_t header = static_cast<std::size_t>(syn.payload - syn.l4);
  if (header <= sizeof(TcpHeader)) return offer;
  Cursor options(syn.data() + syn.l4 + sizeof(TcpHeader), header - sizeof(TcpHeader));
  while (const std::uint8_t* kind = options.peek<std::uint8_t>()) {
    if (*kind == tcp::kOptionEnd) break;
    if (*kind == tcp::kOptionNop) {
      if (!options.skip(1)) break;
    } else if (!take_option(options, offer)) {
      break;
    }
  }
  return offer;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
// Segments of connections whose hosts keep less than the box has promised their clients.
#include "chain/rooms.hpp"

namespace mitibox {

/// Sends a client's segment to its host, in pieces where it must; a reference to its frame goes
/// with it. False when it could not.
bool Chain::Rooms::to_host(const Packet& p, Transmit::Origin origin) {
  if (!Splitter::needed(p)) return transmit.queue(p.frame, Side::inside, origin);
  Splitter::Pieces room;
  const std::span<rte_mbuf*> pieces = splitter.split(p, room);
  if (origin == Transmit::Origin::made)
    discard(p.frame);
  else
    end_frame(p.frame, pieces.empty() ? Reason::split_pool : Reason::split, counters);
  bool sent = !pieces.empty();
  for (rte_mbuf* piece : pieces)
    sent = transmit.queue(piece, Side::inside, Transmit::Origin::made) && sent;
  return sent;
}

void Chain::Rooms::emit_limited(Packet& p, Now now) {
  if (p.from == Side::inside) {
    if ((p.tcp_flags & tcp::kSyn) != 0) sacks.forget(p);
    sacks.write(p);
    transmit.queue(p.frame, Side::outside, Transmit::Origin::received);
  } else if (to_host(p, Transmit::Origin::received)) {
    sacks.sent(p, now);
  }
}

/// A segment that came in fragments; those end with the verdict.
void Chain::Rooms::split_joined(Packet& p) {
  Splitter::Pieces room;
  const std::span<rte_mbuf*> pieces = splitter.split(p, room);
  for (rte_mbuf* piece : pieces) transmit.queue(piece, Side::inside, Transmit::Origin::made);
  if (pieces.empty())
    p.drop(Reason::split_pool);
  else
    p.consume(Reason::split);
}

}  // namespace mitibox

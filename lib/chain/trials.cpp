// SPDX-License-Identifier: BSD-3-Clause
// Learning: attempts at what is no service that reach its host all the same. Only those of proven
// sources come here, so that nobody teaches in another's name.
#include "chain/rooms.hpp"
#include "ruleset/teaching_prefix.hpp"

namespace mitibox {

/// Whether such an attempt would be tried, room provided. Drawn for the source's network and the
/// destination: trying again, or from beside, does not buy another draw.
bool Chain::Rooms::is_tried(const Address& source, const Destination& to, Now now) const {
  const Learning& learning = orders.learning;
  if (!learning.on() || to.protocol != protocol::kTcp || !learning.lists(to.port)) return false;
  if (orders.monitors || trust.spares(source)) return false;
  const Address network = teaching_prefix(source);
  if (!learning.share.takes(siphash13_of(trial_draw, network.high(), network.low(),
                                         to.address.high(), to.address.low(), to.port)))
    return false;
  return trust.level(source, now.time).number == 0;
}

bool Chain::Rooms::try_host(Packet& p, const SynOffer& offer, Now now) {
  const Address source = p.source();
  const Destination to = p.target();
  // Where nobody lives nothing is called.
  if (!is_tried(source, to, now) || !neighbours.correct_destination(p)) return false;
  if (!trials.begin(teacher(source), to)) return false;
  Splice* const s = call(p, offer, now);
  if (s == nullptr) {
    trials.end(teacher(source));
    return false;
  }
  s->trial = true;
  trials.counters.begun.add();
  return true;
}

/// Its host has answered.
void Chain::Rooms::trial_answered(Splice& s) {
  const Packet head = s.head.packet();
  end_trial(s);
  trials.counters.answered.add();
  if (findings != nullptr) findings->tell({head.target(), head.source()});
}

/// Its host has not: the guess was wrong, and costs what it costs without learning.
void Chain::Rooms::trial_failed(Splice& s, Counter& outcome, Now now) {
  const HeaderCopy proof = s.head;
  end_trial(s);
  outcome.add();
  const Packet head = proof.packet();
  weigh(head, now, [&] { trust.proven(head.source(), head.target(), now.time); });
  tell(EventType::conversation, head, now);
}

void Chain::Rooms::end_trial(Splice& s) {
  s.trial = false;
  trials.end(teacher(s.head.packet().source()));
}

}  // namespace mitibox

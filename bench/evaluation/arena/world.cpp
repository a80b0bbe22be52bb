// SPDX-License-Identifier: BSD-3-Clause
#include "world.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/eal.hpp"
#include "base/siphash.hpp"

namespace mitibox::arena {

using namespace std::chrono_literals;

namespace {

constexpr unsigned kBuffers = 16383;
constexpr unsigned kFewBuffers = 2047;
constexpr std::uint16_t kAnswer = 20;  // bytes of an application's answer

rte_mempool* pool(const Knobs& knobs) {
  static unsigned number = 0;
  return make_pool("arena" + std::to_string(number++), knobs.small ? kFewBuffers : kBuffers,
                   RTE_MBUF_DEFAULT_BUF_SIZE, 0);
}

std::uint32_t host_isn(const Segment& s) {
  return static_cast<std::uint32_t>(siphash13_of(
      {1, 2}, s.source.low(), s.destination.low(),
      std::uint64_t{s.source_port} << 16U | s.destination_port, std::uint64_t{s.sequence}));
}

}  // namespace

World::World(Family family, std::string_view defence, std::uint64_t seed, const Knobs& knobs)
    : family_(family),
      network_(family, seed),
      frames_(pool(knobs)),
      own_(pool(knobs)),
      defence_(make_defence(defence,
                            {network_, seed, own_, knobs.drop, knobs.distrusted, knobs.partial,
                             knobs.patch, knobs.small},
                            *this)) {}

World::~World() {
  defence_.reset();
  rte_mempool_free(frames_);
  rte_mempool_free(own_);
}

void World::at(Time when, std::function<void()> what) {
  events_.push_back({when, order_++, std::move(what)});
  std::push_heap(events_.begin(), events_.end());
}

void World::run(Time until) {
  for (;;) {
    // Whatever a timer sends may make something happen earlier.
    const Time next = events_.empty() ? until : std::min(until, events_.front().when);
    if (now_ < next) {
      step(next);
    } else if (!events_.empty() && events_.front().when <= now_) {
      std::pop_heap(events_.begin(), events_.end());
      const Event due = std::move(events_.back());
      events_.pop_back();
      due.what();
    } else {
      return;
    }
  }
}

/// A defence's timers are looked at often while something may wait for them.
void World::step(Time most) {
  const Time idle = now_ - busy_;
  const Time span = idle < 100ms ? 1ms : idle < 5s ? 10ms : Time(1s);
  now_ = std::min(most, now_ + span);
  defence_->tick(Now(now_));
}

void World::hand(Side from, const Segment& segment) {
  busy_ = now_;
  defence_->pass(from, make_frame(frames_, from, segment), Now(now_));
}

void World::send(const Segment& segment) {
  after(kHalfway, [this, segment] { hand(Side::outside, segment); });
}

void World::listen(const Address& address, std::uint16_t port, Hear hear) {
  ears_[{address, port}] = std::move(hear);
}

void World::unlisten(const Address& address, std::uint16_t port) {
  ears_.erase({address, port});
}

const World::Hear* World::ear(const Segment& s) const {
  auto at = ears_.find({s.destination, s.destination_port});
  if (at == ears_.end()) at = ears_.find({s.destination, 0});
  return at == ears_.end() ? nullptr : &at->second;
}

std::uint16_t World::send(Side to, rte_mbuf** frames, std::uint16_t count) {
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto s = read_frame(frames[i]);
    if (!s) continue;
    if (to == Side::inside)
      host_hears(*s);
    else if (ear(*s) != nullptr)
      after(kHalfway, [this, heard = *s] {
        const Hear* const at = ear(heard);
        if (at == nullptr) return;
        const Hear hear = *at;  // it may stop listening
        hear(heard);
      });
  }
  rte_pktmbuf_free_bulk(frames, count);
  return count;
}

/// Hosts keep nothing: all they need stands in what they are sent.
void World::host_hears(const Segment& s) {
  ++to_hosts_;
  const auto host = network_.hosts.find(s.destination);
  if (host == network_.hosts.end() || s.is(tcp::kRst) || s.is(kRstAck)) return;
  const bool served = network_.serves(s.destination, s.destination_port);
  Segment answer;
  if (s.carrier == Carrier::udp) {
    answer = s.back(0);
    if (!served) answer.carrier = Carrier::unreachable;
    answer.length = served ? kAnswer : 0;
  } else if (s.carrier == Carrier::echo_request) {
    answer = s.back(0);
    answer.length = s.length;
  } else if (s.is(tcp::kSyn)) {
    answer = s.back(served ? kSynAck : kRstAck);
    answer.sequence = served ? host_isn(s) : 0;
  } else if (served && s.is(tcp::kAck) && s.length > 0) {
    answer = s.back(tcp::kPsh | tcp::kAck);
    answer.length = kAnswer;
  } else if (served && s.is(kFinAck)) {
    answer = s.back(kFinAck);
  } else {
    return;
  }
  answer.look = host->second;
  after(kHostTime, [this, answer] { hand(Side::inside, answer); });
}

namespace {

constexpr std::array<Time, 5> kTries{0s, 1s, 3s, 7s, 15s};
constexpr std::uint16_t kRequest = 40;

/// Lives in the closures that the world holds for it.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  Dial(World& world, const Call& call, std::function<void(Outcome, Time)> done)
      : world_(world), call_(call), done_(std::move(done)), begun_(world.now()) {}

  void start() {
    auto self = shared_from_this();
    world_.listen(call_.from, call_.from_port, [self](const Segment& s) { self->hear(s); });
    for (const Time wait : kTries)
      if (wait < call_.patience)
        world_.after(wait, [self] {
          if (!self->ended_ && !self->open_ && !self->beaten()) self->world_.send(self->syn());
        });
    world_.after(call_.patience,
                 [self] { self->end(self->open_ ? Outcome::mute : Outcome::nothing); });
  }

 private:
  [[nodiscard]] Segment made(std::uint8_t flags, std::uint32_t sequence) const {
    Segment s;
    s.source = call_.from;
    s.destination = call_.to;
    s.source_port = call_.from_port;
    s.destination_port = call_.to_port;
    s.flags = flags;
    s.sequence = sequence;
    s.acknowledgement = (flags & tcp::kAck) != 0 ? theirs_ : 0;
    s.look = kStacks[0];
    return s;
  }
  [[nodiscard]] Segment syn() const { return made(tcp::kSyn, call_.isn); }
  [[nodiscard]] bool beaten() const { return !open_ && call_.won && *call_.won; }

  void hear(const Segment& s) {
    if (ended_) return;
    if (s.is(kSynAck) && s.acknowledgement == call_.isn + 1) {
      if (beaten()) return world_.send(made(tcp::kRst, call_.isn + 1));
      theirs_ = s.sequence + 1;
      if (!open_) {
        open_ = true;
        if (call_.won) *call_.won = true;
        world_.send(made(tcp::kAck, call_.isn + 1));
        ask();
      } else {
        world_.send(made(tcp::kAck, call_.isn + 1 + kRequest));
      }
    } else if ((s.flags & tcp::kRst) != 0) {
      end(Outcome::reset);
    } else if (open_ && s.length > 0) {
      theirs_ = s.next();
      world_.send(made(kRstAck, call_.isn + 1 + kRequest));
      end(Outcome::data);
    } else if (open_ && s.acknowledgement == call_.isn + 1 + kRequest) {
      taken_ = true;
    }
  }

  void ask() {
    auto self = shared_from_this();
    for (const Time wait : kTries)
      if (wait < call_.patience)
        world_.after(wait, [self] {
          if (self->ended_ || self->taken_) return;
          Segment s = self->made(tcp::kPsh | tcp::kAck, self->call_.isn + 1);
          s.length = kRequest;
          self->world_.send(s);
        });
  }

  void end(Outcome outcome) {
    if (ended_) return;
    ended_ = true;
    if (outcome == Outcome::mute) world_.send(made(kRstAck, call_.isn + 1 + kRequest));
    world_.unlisten(call_.from, call_.from_port);
    done_(outcome, world_.now() - begun_);
  }

  World& world_;
  Call call_;
  std::function<void(Outcome, Time)> done_;
  Time begun_;
  std::uint32_t theirs_ = 0;
  bool open_ = false, taken_ = false, ended_ = false;
};

}  // namespace

void dial(World& world, const Call& call, std::function<void(Outcome, Time)> done) {
  std::make_shared<Dial>(world, call, std::move(done))->start();
}

}  // namespace mitibox::arena

// SPDX-License-Identifier: BSD-3-Clause
// The defences that others have proposed, each as its authors describe it.
#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include "base/siphash.hpp"
#include "defence.hpp"
#include "packet/parse.hpp"
#include "packet/persona.hpp"
#include "scrubber/scrubber.hpp"

namespace mitibox::arena {

namespace {

using namespace std::chrono_literals;

/// Passes everything.
class Nothing : public Defence {
 public:
  explicit Nothing(Wire& wire) : wire_(wire) {}
  void pass(Side from, rte_mbuf* frame, Now) override { forward(from, frame); }

 protected:
  void forward(Side from, rte_mbuf* frame) { wire_.send(other(from), &frame, 1); }

  Wire& wire_;
};

/// Default deny: SYNs and datagrams to listed services, and what belongs to what began so; no echo.
class Firewall : public Nothing {
 public:
  Firewall(const Network& network, Wire& wire) : Nothing(wire), network_(network) {}

  void pass(Side from, rte_mbuf* frame, Now) override {
    const auto s = read_frame(frame);
    if (s && (from == Side::inside || listed(*s))) return forward(from, frame);
    rte_pktmbuf_free(frame);
  }

 private:
  /// Nobody inside opens anything here: a listed destination is all that its state would add.
  [[nodiscard]] bool listed(const Segment& s) const {
    return (s.carrier == Carrier::tcp || s.carrier == Carrier::udp) &&
           network_.serves(s.destination, s.destination_port);
  }
  const Network& network_;
};

/// Smart, Malan and Jahanian (2000): what is malformed is dropped, and what hosts send is laid anew
/// so that their stacks look alike. By the library's own Scrubber and persona.
class Scrubbing : public Nothing {
 public:
  Scrubbing(const Setting& setting, Wire& wire)
      : Nothing(wire), policy_(policy(setting)), scrubber_(policy_), persona_({setting.seed, 5}) {}

  void pass(Side from, rte_mbuf* frame, Now) override {
    Packet p;
    p.frame = frame;
    p.from = from;
    p.klass = from == Side::outside ? Class::inbound : Class::outbound;
    if (parse_frame(p)) return rte_pktmbuf_free(frame);
    scrubber_.scrub(p);
    if (p.verdict == Verdict::drop) return rte_pktmbuf_free(frame);
    if (from == Side::inside)
      persona_.dress_outward(p, 0);
    else
      Persona::dress_inward(p, 0);
    forward(from, frame);
  }

 private:
  static Policy policy(const Setting& setting) {
    Policy p;
    p.protected_prefixes = {setting.network.prefix};
    return p;
  }
  Policy policy_;
  Scrubber scrubber_;
  Persona persona_;
};

/// A table of sources that forgets the one that was quiet longest.
template <typename Record>
class Sources {
 public:
  Record& of(const Address& source) {
    const Address key = masked(source, source.is_v4() ? 32 : 64);
    if (const auto at = index_.find(key); at != index_.end()) {
      order_.splice(order_.end(), order_, at->second);
      return at->second->second;
    }
    if (index_.size() == kSources) {
      index_.erase(order_.front().first);
      order_.pop_front();
    }
    order_.emplace_back(key, Record());
    index_[key] = std::prev(order_.end());
    return order_.back().second;
  }
  [[nodiscard]] const Record* find(const Address& source) const {
    const auto at = index_.find(masked(source, source.is_v4() ? 32 : 64));
    return at == index_.end() ? nullptr : &at->second->second;
  }
  [[nodiscard]] std::size_t size() const { return index_.size(); }
  void clear() {
    index_.clear();
    order_.clear();
  }

 private:
  using Order = std::list<std::pair<Address, Record>>;
  Order order_;
  std::unordered_map<Address, typename Order::iterator, AddressHash> index_;
};

/// Drops all that comes from a source that a detector has found.
template <typename Record>
class Blocking : public Nothing {
 public:
  using Nothing::Nothing;

  void pass(Side from, rte_mbuf* frame, Now now) override {
    if (const auto s = read_frame(frame)) {
      if (from == Side::outside && blocked(s->source, now.time)) return rte_pktmbuf_free(frame);
      if (from == Side::outside && s->asks())
        asked(*s, now.time);
      else if (from == Side::inside)
        answered(*s, now.time);
    }
    forward(from, frame);
  }
  [[nodiscard]] bool admits(const Address& source, Now now) const override {
    return !blocked(source, now.time);
  }
  void restart(bool, Now) override { sources_.clear(); }
  [[nodiscard]] std::size_t remembered() const override { return sources_.size(); }

 protected:
  virtual void asked(const Segment& syn, Time now) = 0;
  virtual void answered(const Segment& /*answer*/, Time /*now*/) {}
  [[nodiscard]] bool blocked(const Address& source, Time now) const {
    const Record* const r = sources_.find(source);
    return r != nullptr && now < r->blocked_until;
  }
  Sources<Record> sources_;
};

struct Counted {
  Time blocked_until{};
  std::deque<std::pair<Time, std::uint64_t>> seen;
};

/// Snort's classic portscan preprocessor ("4 3"): four destinations within three seconds. Echo
/// requests count here as well.
class Threshold : public Blocking<Counted> {
 public:
  using Blocking::Blocking;

 private:
  static constexpr std::size_t kMost = 4;
  static constexpr Time kSpan = 3s;

  void asked(const Segment& s, Time now) override {
    Counted& c = sources_.of(s.source);
    std::erase_if(c.seen, [&](const auto& one) { return one.first + kSpan <= now; });
    const std::uint64_t to = s.destination.low() ^ std::uint64_t{s.destination_port} << 8U;
    if (std::any_of(c.seen.begin(), c.seen.end(), [&](auto& one) { return one.second == to; }))
      return;
    c.seen.emplace_back(now, to);
    if (c.seen.size() < kMost) return;
    c.seen.clear();
    c.blocked_until = now + kBlock;
  }
};

struct Walked {
  Time blocked_until{};
  double ratio = 1;
  std::unordered_set<Address, AddressHash> known;  ///< hosts contacted before
};

/// Jung, Paxson, Berger and Balakrishnan (2004): threshold random walk over first contacts with
/// hosts, theta0 0.8, theta1 0.2, alpha 0.01, beta 0.99. Online, a contact that nothing answers
/// within three seconds has failed. UDP and echo are judged like TCP, of which alone they wrote.
class RandomWalk : public Blocking<Walked> {
 public:
  using Blocking::Blocking;

  void tick(Now now) override {
    for (; !waiting_.empty() && waiting_.front().until <= now.time; waiting_.pop_front()) {
      const Contact c = waiting_.front();
      const auto at = open_.find(key(c.source, c.host));
      if (at == open_.end() || at->second != c.until) continue;
      open_.erase(at);
      walk(c.source, false, now.time);
    }
  }
  void restart(bool new_key, Now now) override {
    Blocking::restart(new_key, now);
    waiting_.clear();
    open_.clear();
  }

 private:
  static constexpr double kServed0 = 0.8, kServed1 = 0.2, kFalse = 0.01, kTrue = 0.99;
  static constexpr Time kWait = 3s;
  struct Contact {
    Time until;
    Address source, host;
  };

  static std::uint64_t key(const Address& source, const Address& host) {
    return siphash13_of({3, 4}, source.high(), source.low(), host.low());
  }
  void asked(const Segment& s, Time now) override {
    Walked& w = sources_.of(s.source);
    if (!w.known.insert(s.destination).second) return;
    open_[key(s.source, s.destination)] = now + kWait;
    waiting_.push_back({now + kWait, s.source, s.destination});
  }
  void answered(const Segment& s, Time now) override {
    if (open_.erase(key(s.destination, s.source)) == 0) return;
    walk(s.destination, s.agrees(), now);
  }
  void walk(const Address& source, bool success, Time now) {
    Walked& w = sources_.of(source);
    w.ratio *= success ? kServed1 / kServed0 : (1 - kServed1) / (1 - kServed0);
    if (w.ratio >= kTrue / kFalse) {
      w.blocked_until = now + kBlock;
      w.ratio = 1;
      w.known.clear();
    } else if (w.ratio <= (1 - kTrue) / (1 - kFalse)) {
      w.ratio = 1;
    }
  }

  std::deque<Contact> waiting_;
  std::unordered_map<std::uint64_t, Time> open_;
};

/// Answers every SYN that is for no service itself, as portspoof does, and takes what is said.
class Decoy : public Nothing {
 public:
  Decoy(const Setting& setting, Wire& wire)
      : Nothing(wire), network_(setting.network), pool_(setting.pool), key_{setting.seed, 6} {}

  void pass(Side from, rte_mbuf* frame, Now) override {
    const auto s = read_frame(frame);
    if (!s || s->carrier != Carrier::tcp || from == Side::inside ||
        network_.serves(s->destination, s->destination_port))
      return forward(from, frame);
    rte_pktmbuf_free(frame);
    Segment answer = s->back(s->is(tcp::kSyn) ? kSynAck : tcp::kAck);
    if (s->is(tcp::kSyn))
      answer.sequence = static_cast<std::uint32_t>(
          siphash13_of(key_, s->source.low(), s->destination.low(), std::uint64_t{s->sequence}));
    else if (s->is(kFinAck))
      answer.flags = kFinAck;
    else if (s->length == 0)
      return;
    answer.look = kStacks[0];
    rte_mbuf* made = make_frame(pool_, Side::inside, answer);
    wire_.send(Side::outside, &made, 1);
  }

 private:
  const Network& network_;
  rte_mempool* pool_;
  Key128 key_;
};

using Make = std::function<std::unique_ptr<Defence>(const Setting&, Wire&)>;
struct Row {
  std::string name;
  Make make;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"none", [](auto&, Wire& w) { return std::make_unique<Nothing>(w); }},
      {"firewall",
       [](const Setting& s, Wire& w) { return std::make_unique<Firewall>(s.network, w); }},
      {"scrubber", [](const Setting& s, Wire& w) { return std::make_unique<Scrubbing>(s, w); }},
      {"threshold", [](auto&, Wire& w) { return std::make_unique<Threshold>(w); }},
      {"trw", [](auto&, Wire& w) { return std::make_unique<RandomWalk>(w); }},
      {"decoy", [](const Setting& s, Wire& w) { return std::make_unique<Decoy>(s, w); }},
      {"paper", [](const Setting& s, Wire& w) { return make_box("paper", s, w); }},
      {"forward", [](const Setting& s, Wire& w) { return make_box("forward", s, w); }},
      {"default", [](const Setting& s, Wire& w) { return make_box("default", s, w); }},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& defences() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> n;
    for (const Row& r : rows()) n.push_back(r.name);
    return n;
  }();
  return names;
}

std::unique_ptr<Defence> make_defence(std::string_view name, const Setting& setting, Wire& wire) {
  for (const Row& r : rows())
    if (r.name == name) return r.make(setting, wire);
  throw std::runtime_error("no such defence: " + std::string(name));
}

}  // namespace mitibox::arena

// SPDX-License-Identifier: BSD-3-Clause
#include "rig.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

#include "base/poison.hpp"

namespace mitibox::test {

namespace {

std::string unique_name() {
  static int number = 0;
  return "rig" + std::to_string(number++);
}

/// Takes the padding off, so that lengths and checksums can be checked.
Seen read(rte_mbuf* m) {
  const auto* at = rte_pktmbuf_mtod(m, const std::uint8_t*);
  std::size_t l3 = 14;
  while (at[l3 - 2] == 0x81 || at[l3 - 2] == 0x88) l3 += 4;
  const bool v4 = at[l3 - 2] == 0x08 && at[l3 - 1] == 0x00;
  const bool v6 = at[l3 - 2] == 0x86;
  std::size_t length = m->data_len;
  if (v4) length = l3 + (std::size_t{at[l3 + 2]} << 8U | at[l3 + 3]);
  if (v6) length = l3 + 40 + (std::size_t{at[l3 + 4]} << 8U | at[l3 + 5]);
  if (length < m->data_len) rte_pktmbuf_trim(m, static_cast<std::uint16_t>(m->data_len - length));
  return Seen(m);
}

}  // namespace

rte_mbuf* frame_of(const Probe& probe) {
  Frame f(probe);
  return std::exchange(f.packet.frame, nullptr);
}

rte_mbuf* frame_of(const Bytes& bytes) {
  rte_mbuf* m = rte_pktmbuf_alloc(probe_pool());
  REQUIRE(m != nullptr);
  if (!bytes.empty())
    std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(bytes.size())), bytes.data(),
                bytes.size());
  return m;
}

Policy plain_policy() {
  Policy p;
  p.protected_prefixes = {parse_prefix("203.0.113.0/24").value(),
                          parse_prefix("2001:db8:1::/64").value()};
  Service mail;
  mail.address = parse_address("203.0.113.25").value();
  mail.tcp = {{25, 25}};
  mail.is_public = true;
  Service web;
  web.tcp = {{443, 443}};
  web.udp = {{53, 53}};
  web.address = parse_address("203.0.113.10").value();
  Service web6 = web;
  web6.address = parse_address("2001:db8:1::10").value();
  p.services = {web, mail, web6};
  std::sort(p.services.begin(), p.services.end(),
            [](const Service& a, const Service& b) { return a.address < b.address; });
  p.probability.drop = 0;
  p.admission = Policy::Admission::forward;
  p.trust.evidence = Policy::Evidence::attempt;
  p.normalise.headers = p.normalise.options = p.normalise.isn = p.normalise.timing = false;
  p.timeouts.grace = Seconds(0);
  p.tables = {1024, {}, 1024, 4096, 256, 64, 1024, false};
  return p;
}

std::uint16_t Rig::Port::send(Side to, rte_mbuf** frames, std::uint16_t count) {
  const std::uint16_t n = std::min(count, rig->takes.value_or(count));
  taken[index(to)].insert(taken[index(to)].end(), frames, frames + n);
  sent[index(to)] += n;
  return n;
}

Rig::Rig(const Policy& policy, std::uint32_t held_segments)
    : observer(unique_name(), {5, 6}, Recorder::Config{~EventTypes{0}, 100'000, 7}),
      policy_(policy),
      pool_(rte_pktmbuf_pool_create(unique_name().c_str(), 1023, 0, 0, 2048, SOCKET_ID_ANY)),
      probes_before_(rte_mempool_avail_count(probe_pool())) {
  REQUIRE(pool_ != nullptr);
  port_.rig = this;
  chain = std::make_unique<Chain>(
      policy_,
      [&] {
        Chain::Config config{
            unique_name(), 1, Secrets::derive({3, 4}), {{2, 0, 0, 0, 0xb0, 0xb0}}, pool_};
        config.observer = &observer;
        config.findings = &findings;
        config.held_segments = held_segments;
        return config;
      }(),
      port_);
}

Rig::~Rig() {
  takes.reset();
  chain->finish();
  collect(Side::outside);
  check_accounts();
  CHECK(rte_mempool_in_use_count(pool_) == 0);
  CHECK(rte_mempool_avail_count(probe_pool()) == probes_before_);
  chain.reset();
  rte_mempool_free(pool_);
}

Outcome Rig::collect(Side from) {
  chain->transmit().flush();
  Outcome o;
  for (const Side to : {Side::outside, Side::inside})
    for (rte_mbuf* m : std::exchange(port_.taken[index(to)], {}))
      (to == from ? o.answers : o.passed).push_back(read(m));
  return o;
}

Outcome Rig::send(Side from, rte_mbuf* frame) {
  std::array<std::uint64_t, kReasons.size()> before{};
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = chain->counters().ended[i].get();
  keep(from, frame);
  poison_frame(frame);
  chain->process(from, {&frame, 1}, now());
  Outcome o = collect(from);
  chain->settle(now());
  // Never more than one frame for one, to those who are not trusted.
  if (from == Side::outside) CHECK(o.answers.size() <= 1);
  if (policy_.admission == Policy::Admission::forward)
    CHECK(o.answers.size() + o.passed.size() <= 1);
  o.end = "forward";
  for (std::size_t i = 0; i < before.size(); ++i)
    if (chain->counters().ended[i].get() != before[i]) o.end = kReasons[i].name;
  return o;
}

Outcome Rig::burst(Side from, const std::vector<Probe>& probes) {
  std::vector<rte_mbuf*> frames;
  for (const Probe& p : probes) {
    frames.push_back(frame_of(p));
    keep(from, frames.back());
    poison_frame(frames.back());
  }
  for (std::size_t at = 0; at < frames.size(); at += kBurst)
    chain->process(from, {frames.data() + at, std::min(kBurst, frames.size() - at)}, now());
  Outcome o = collect(from);
  chain->settle(now());
  return o;
}

void Rig::keep(Side from, const rte_mbuf* frame) {
  if (frame->nb_segs == 1)
    seeds_.frame(from, {rte_pktmbuf_mtod(frame, const char*), frame->data_len});
}

Outcome Rig::wait(Time span) {
  seeds_.wait(span);
  for (const Time end = now_ + span; now_ < end;) {
    now_ += std::min<Time>(std::chrono::milliseconds(10), end - now_);
    chain->tick(now());
  }
  return collect(Side::outside);
}

std::vector<rte_mbuf*> Rig::take_buffers() {
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* m = rte_pktmbuf_alloc(pool_)) taken.push_back(m);
  return taken;
}

void Rig::check_accounts() {
  const Counters& c = chain->counters();
  std::uint64_t received = 0;
  std::uint64_t left = 0;
  for (std::size_t side = 0; side < kSides; ++side) {
    received += c.received[side].get();
    left += c.forwarded[side].get() + c.refused[side].get();
    CHECK(port_.sent[side] == c.forwarded[side].get() + c.made[side].get());
  }
  for (const Counter& e : c.ended) left += e.get();
  left += c.held.get();
  CHECK(received == left);
}

std::vector<Event> Rig::events() {
  std::vector<Event> all(Recorder::kRing);
  all.resize(observer.recorder.drain(all));
  return all;
}

TrustLevel Rig::level(const std::string& source) const {
  return chain->trust().level(parse_address(source).value(), now().time);
}

}  // namespace mitibox::test

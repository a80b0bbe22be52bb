// SPDX-License-Identifier: BSD-3-Clause
#include "engine.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "base/eal.hpp"
#include "base/poison.hpp"

namespace mitibox::replay {

namespace {

constexpr std::uint16_t kMadeRoom = RTE_MBUF_DEFAULT_BUF_SIZE;
constexpr std::size_t kLargest = Pools::kRoom - RTE_PKTMBUF_HEADROOM;

/// How the appliance's poll looks to the timers: often, but a long pause in a capture costs a
/// bounded number of polls.
constexpr Time kPoll = std::chrono::milliseconds(10);
constexpr std::int64_t kMostPolls = 1000;
/// What the box may still have to send behind the last frame.
constexpr Time kRest = std::chrono::seconds(3);

constexpr Mac kOwnMac{{0x02, 0x4d, 0x42, 0x00, 0x00, 0x01}};

/// Tables are named; several engines in turn must not meet under one name.
std::string next_name() {
  static unsigned count = 0;
  return fmt::format("rp{}", count++);
}

rte_mbuf* buffer(const Pools& pools, std::span<const std::uint8_t> bytes) {
  rte_mbuf* frame = rte_pktmbuf_alloc(pools.received);
  if (frame == nullptr) throw std::runtime_error("the chain keeps every buffer: a leak");
  unpoison_frame(frame);
  std::ranges::copy(bytes, rte_pktmbuf_mtod(frame, std::uint8_t*));
  frame->data_len = static_cast<std::uint16_t>(bytes.size());
  frame->pkt_len = frame->data_len;
  return frame;
}

}  // namespace

Pools::Pools()
    : received(make_pool("replay-received", kReceived, kRoom, 0)),
      made(make_pool("replay-made", kMade, kMadeRoom, 0)) {}

Pools::~Pools() {
  rte_mempool_free(received);
  rte_mempool_free(made);
}

std::size_t Pools::megabytes(std::size_t tables) {
  constexpr std::size_t kBeside = 512;  // mbuf and mempool headers, per buffer
  constexpr std::size_t kEal = std::size_t{48} << 20U;
  const std::size_t buffers =
      kReceived * (std::size_t{kRoom} + kBeside) + kMade * (std::size_t{kMadeRoom} + kBeside);
  return ((tables + tables / 4 + buffers + kEal) >> 20U) + 1;
}

Engine::Engine(const Policy& policy, const Config& config, Pools& pools)
    : pools_(pools),
      sides_(config.inside, policy.gateways),
      journal_(policy),
      wire_(pools.made,
            [this](const FrameView& frame) {
              rewriter_.made(frame);
              journal_.made(frame);
            }),
      chain_(policy,
             {.name = next_name(),
              .workers = 1,
              .secrets = Secrets::derive(config.key),
              .own_mac = kOwnMac,
              .pool = pools.made,
              .held_fragments = Pools::kReceived / 2},
             wire_) {
  for (const auto& output : config.outputs)
    wire_.record(output.file, output.outside, output.inside);
}

void Engine::tick(Time at) {
  now_ = Now(at);
  wire_.set_time(intake_.first + at);
  chain_.tick(now_);
  chain_.transmit().flush();
}

void Engine::advance(Time to) {
  const Time step = std::max(kPoll, (to - now_.time) / kMostPolls);
  while (now_.time + step < to) tick(now_.time + step);
  tick(to);
}

void Engine::feed(const CapturedFrame& captured) {
  if (intake_.frames++ == 0) intake_.first = captured.stamp;
  intake_.last = captured.stamp;
  if (captured.backwards) ++intake_.backwards;
  if (captured.wire_length > captured.bytes.size()) ++intake_.cut;
  advance(captured.stamp - intake_.first);

  // What fits no buffer arrives as a driver would deliver it, in several.
  rte_mbuf* frame = buffer(pools_, captured.bytes.first(std::min(captured.bytes.size(), kLargest)));
  for (std::size_t at = kLargest; at < captured.bytes.size(); at += kLargest) {
    const auto rest = captured.bytes.subspan(at);
    rte_pktmbuf_chain(frame, buffer(pools_, rest.first(std::min(rest.size(), kLargest))));
  }
  auto* data = rte_pktmbuf_mtod(frame, std::uint8_t*);
  const std::size_t length = frame->data_len;

  const std::span<std::uint8_t> bytes(data, length);
  const FrameView seen = view(bytes);
  const Side from = sides_.find(seen);
  if (journal_.answers_unasked(seen, from, now_)) {
    ++intake_.withheld;
    rewriter_.before(bytes, seen, from);
    rte_pktmbuf_free(frame);
    return;
  }
  frame->port = static_cast<std::uint16_t>(index(from));
  rewriter_.before(bytes, seen, from);
  poison_frame(frame);
  chain_.process(from, {&frame, 1}, now_);
  chain_.transmit().flush();
  journal_.processed(seen, from, chain_.counters(), now_);
}

void Engine::run(Merge& captures) {
  while (const auto frame = captures.next()) feed(*frame);
  if (intake_.frames > 0) advance(now_.time + kRest);
  chain_.finish();
  wire_.close();
}

std::uint64_t Engine::lost() const {
  return rte_mempool_in_use_count(pools_.received) + rte_mempool_in_use_count(pools_.made);
}

}  // namespace mitibox::replay

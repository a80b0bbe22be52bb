// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/reassembly.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <stdexcept>

#include "base/poison.hpp"
#include "chain/chain.hpp"
#include "packet/parse.hpp"

namespace mitibox {

namespace {

/// Whatever a Packet can say fits one, and a burst is never short of them: none outlives it.
constexpr std::uint16_t kRoom = UINT16_MAX;
constexpr unsigned kBuffers = kBurst;

rte_mempool* make_buffers(const std::string& name) {
  rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), kBuffers, 0, 0, kRoom,
                                              static_cast<int>(rte_socket_id()));
  if (pool == nullptr)
    throw std::runtime_error(
        fmt::format("cannot allocate pool {}: {} buffers of {} bytes for whole datagrams: {}", name,
                    kBuffers, kRoom, rte_strerror(rte_errno)));
  return pool;
}

}  // namespace

Reassembly::Reassembly(const Policy& policy, const Secrets& secrets, const Config& config,
                       Counters& counters)
    : key_(secrets.fragment),
      counters_(counters),
      table_(policy, secrets, config.limits, counters),
      pool_(make_buffers(config.name)) {}

bool Reassembly::gather(Packet& p, Now now) {
  const auto pieces = table_.gather(p, now);
  if (!pieces) return false;
  Open& open = open_of(nullptr);
  open.pieces = *pieces;
  open.whole = rte_pktmbuf_alloc(pool_.get());
  const Side from = p.from;
  const Class klass = p.klass;
  const Family family = p.family;
  p = Packet{};
  p.frame = open.whole;
  p.from = from;
  p.klass = klass;
  if (!join(*pieces, family, open.whole)) {
    p.drop(Reason::fragment_bounds);
  } else if (const auto why = parse_frame(p)) {
    p.drop(*why);
  }
  return true;
}

Reassembly::Open& Reassembly::open_of(const rte_mbuf* whole) {
  // One is free whenever a fragment of the burst has not been looked at.
  std::size_t i = 0;
  while (open_[i].whole != whole) ++i;
  return open_[i];
}

std::size_t Reassembly::leave(const Packet& whole, const Pieces& pieces, Now now) {
  return whole.verdict == Verdict::forward ? split(whole, pieces, fresh_id(now)) : 0;
}

void Reassembly::close(Open& open, const Packet& whole, std::size_t used) {
  Reason why = whole.reason;
  if (whole.verdict == Verdict::forward)
    why = used == 0 ? Reason::fragment_bounds : Reason::fragment_joined;
  for (std::size_t i = used; i < open.pieces.count(); ++i)
    end_frame(open.pieces[i].frame, why, counters_);
  discard(open.whole);
  open = {};
}

/// Never 0 in its low half. What a restart would repeat, the time keeps apart.
std::uint32_t Reassembly::fresh_id(Now now) {
  constexpr std::uint64_t kLabel = 0x69642d6672657368;
  for (;;) {
    const std::uint64_t hash =
        siphash24_of(key_, kLabel, drawn_++, static_cast<std::uint64_t>(now.time.count()));
    if (const auto id = static_cast<std::uint32_t>(hash); (id & 0xffffU) != 0) return id;
  }
}

std::size_t Reassembly::memory_bytes(std::uint32_t datagrams) {
  constexpr std::size_t kBeside = 512;  // headers of mbuf and mempool
  return FragmentTable::memory_bytes(datagrams) + kBuffers * (kRoom + kBeside);
}

}  // namespace mitibox

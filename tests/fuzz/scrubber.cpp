// SPDX-License-Identifier: BSD-3-Clause
// Parsing and scrubbing, both ways. What is left to be judged must lie within the frame, be sound,
// and be left alone when it is scrubbed once more.
#include <rte_mbuf.h>

#include <cstring>

#include "base/poison.hpp"
#include "lab.hpp"
#include "packet/parse.hpp"
#include "scrubber/scrubber.hpp"

namespace {

using namespace mitibox;
using fuzz::must;

rte_mempool* pool_of_frames() {
  static rte_mempool* const pool =
      rte_pktmbuf_pool_create("frames", 31, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  return pool;
}

/// What of a packet the rooms behind the Scrubber go by.
void check(const Packet& p) {
  must(p.l3 < p.l4 && p.l4 <= p.end && p.end <= p.frame->data_len, "headers lie within the frame");
  must(p.frame->pkt_len == p.frame->data_len, "lengths agree");
  if (p.protocol == protocol::kTcp && p.fragment == Fragment::none) {
    must(p.l4 + 20 <= p.payload && p.payload <= p.end, "the payload lies behind the header");
    must(p.source_port != 0 && p.destination_port != 0, "ports are not 0");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::begin("mitibox-fuzz-scrubber");
  static const Scrubber scrubbers[] = {Scrubber(fuzz::policy_of(1)), Scrubber(fuzz::policy_of(2))};
  fuzz::Input input({data, size});
  const std::uint8_t how = input.u8();
  const auto rest = input.rest();
  fuzz::Bytes bytes(rest.begin(), rest.end());
  if ((how & 1U) != 0) fuzz::make_sound(bytes);
  rte_mbuf* m = rte_pktmbuf_alloc(pool_of_frames());
  must(m != nullptr, "there is a buffer");
  const std::size_t length = std::min<std::size_t>(bytes.size(), rte_pktmbuf_tailroom(m));
  if (length != 0)
    std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(length)), bytes.data(), length);
  poison_frame(m);
  const Scrubber& scrubber = scrubbers[how >> 1U & 1U];
  std::array<std::uint8_t, UINT16_MAX> kept;
  std::size_t kept_size = 0;
  for (int round = 0; round < 2; ++round) {
    Packet p{};
    p.frame = m;
    p.from = (how & 4U) != 0 ? Side::inside : Side::outside;
    const bool reads = !parse_frame(p) && p.family != Family::none;
    if (round == 1) must(reads, "what was scrubbed can be read");
    if (!reads) break;
    scrubber.scrub(p);
    if (p.verdict != Verdict::pending) {
      must(round == 0 || p.verdict == Verdict::gather, "what was scrubbed complies");
      break;
    }
    check(p);
    const std::uint8_t* at = rte_pktmbuf_mtod(m, const std::uint8_t*);
    if (round == 1)
      must(kept_size == m->data_len && std::memcmp(kept.data(), at, kept_size) == 0,
           "what was scrubbed is left alone");
    kept_size = m->data_len;
    std::memcpy(kept.data(), at, kept_size);
  }
  unpoison_frame(m);
  rte_pktmbuf_free(m);
  return 0;
}

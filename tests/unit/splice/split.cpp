// SPDX-License-Identifier: BSD-3-Clause
// N-OUT-8: segments cut for hosts that take less than clients were promised.
#include "splice/split.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "../packet/probe_frames.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

constexpr std::uint8_t kAll = tcp::kFin | tcp::kPsh | tcp::kAck | tcp::kEce | tcp::kCwr;

struct Kind {
  std::string says;
  bool v6;
  unsigned tags;
  std::size_t options;  ///< bytes
};

struct Cut {
  std::string says;
  std::uint16_t mss;
  std::size_t payload;              ///< of the whole, without its options
  std::vector<std::size_t> pieces;  ///< payloads; nothing: it is not to be cut
};

Probe segment_of(const Kind& kind, std::size_t payload) {
  Probe p;
  if (kind.v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  p.tags = kind.tags;
  p.flags = kAll;
  p.sequence = 0xfffffe00;  // wraps in its middle
  p.options.assign(kind.options, tcp::kOptionNop);
  for (std::size_t i = 0; i < payload; ++i)
    p.payload.push_back(static_cast<std::uint8_t>(i * 7 + i / 251));
  return p;
}

}  // namespace

TEST_CASE("Pieces together are the segment, each sound and short enough", "[splice][split]") {
  const Kind kind = GENERATE(
      Kind{"IPv4", false, 0, 0}, Kind{"IPv6", true, 0, 0}, Kind{"IPv4, two tags", false, 2, 0},
      Kind{"IPv4 with SACK", false, 0, 12}, Kind{"IPv6 with SACK", true, 1, 36});
  const Cut cut = GENERATE(
      Cut{"fits exactly", 1400, 1400, {}}, Cut{"one octet more", 1400, 1401, {1400, 1}},
      Cut{"the usual", 1360, 1460, {1360, 100}}, Cut{"a multiple", 536, 1072, {536, 536}},
      Cut{"several", 536, 1460, {536, 536, 388}}, Cut{"odd lengths", 501, 1003, {501, 501, 1}});
  INFO(kind.says << ", " << cut.says);
  // Options count: as many octets less fit (RFC 6691).
  const std::size_t less = kind.options;
  Frame whole(segment_of(kind, cut.payload));
  whole.packet.host_mss = static_cast<std::uint16_t>(cut.mss + less);
  CHECK(Splitter::needed(whole.packet) == !cut.pieces.empty());
  if (cut.pieces.empty()) return;

  rte_mempool* const pool = small_pool(8);
  Splitter splitter(Secrets::derive({1, 2}), pool);
  Splitter::Pieces room;
  const std::span<rte_mbuf*> pieces = splitter.split(whole.packet, room);
  REQUIRE(pieces.size() == cut.pieces.size());
  const Bytes headers(whole.packet.data(), whole.packet.data() + whole.packet.payload);
  Bytes data;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Seen seen(pieces[i]);
    const std::size_t head = whole.packet.payload;
    CHECK(seen.sound());
    CHECK(seen.bytes.size() == head + cut.pieces[i]);
    CHECK(seen.sequence() == 0xfffffe00 + static_cast<std::uint32_t>(data.size()));
    const bool last = i + 1 == pieces.size();
    const unsigned gone = (last ? 0U : tcp::kFin | tcp::kPsh) | (i == 0 ? 0U : +tcp::kCwr);
    CHECK(seen.flags() == (kAll & ~gone));
    // Nothing else of the headers differs, but lengths and checksums; the first keeps its ID.
    CHECK(seen.part(0, seen.l3) == Bytes(headers.begin(), headers.begin() + whole.packet.l3));
    CHECK(seen.ttl() == 53);
    CHECK(seen.part(seen.l4 + 20, head) ==
          Bytes(headers.begin() + whole.packet.l4 + 20, headers.end()));
    if (!kind.v6) {
      CHECK((seen.id() == 0x1234) == (i == 0));
      CHECK(seen.u16(seen.l3 + 6) == 0x4000);
    }
    const Bytes part = seen.part(head, seen.bytes.size());
    data.insert(data.end(), part.begin(), part.end());
  }
  CHECK(data == segment_of(kind, cut.payload).payload);
  CHECK(rte_mempool_in_use_count(pool) == 0);
  rte_mempool_free(pool);
}

TEST_CASE("Without buffers for all its pieces a segment has none", "[splice][split]") {
  rte_mempool* const pool = small_pool(2);
  Splitter splitter(Secrets::derive({1, 2}), pool);
  Splitter::Pieces room;
  Frame whole(segment_of({"", false, 0, 0}, 1460));
  whole.packet.host_mss = 536;
  CHECK(splitter.split(whole.packet, room).empty());
  CHECK(rte_mempool_in_use_count(pool) == 0);
  rte_mempool_free(pool);
}

TEST_CASE("However little a host takes, pieces are few", "[splice][split]") {
  rte_mempool* const pool = small_pool(Splitter::kMost);
  Splitter splitter(Secrets::derive({1, 2}), pool);
  Splitter::Pieces room;
  const std::size_t options = GENERATE(std::size_t{0}, std::size_t{40});
  Frame whole(segment_of({"", false, 0, options}, 1460));
  whole.packet.host_mss = GENERATE(std::uint16_t{1}, std::uint16_t{40}, std::uint16_t{48});
  const std::span<rte_mbuf*> pieces = splitter.split(whole.packet, room);
  CHECK(pieces.size() >= Splitter::kMost - 1);
  std::size_t sum = 0;
  for (rte_mbuf* piece : pieces) sum += Seen(piece).bytes.size() - whole.packet.payload;
  CHECK(sum == 1460);
  rte_mempool_free(pool);
}

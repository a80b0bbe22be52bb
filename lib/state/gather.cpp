// SPDX-License-Identifier: BSD-3-Clause
#include "state/gather.hpp"

#include <array>
#include <span>

#include "chain/chain.hpp"

namespace mitibox {

namespace {

/// Entries looked at in one errand: 16 KiB read, some 10 us.
template <typename Row>
constexpr std::size_t kPiece = 512;
/// Each is also looked for among the members of its prefixes.
template <>
constexpr std::size_t kPiece<SavedSource> = 128;

std::size_t take(const Trust& trust, std::uint32_t& cursor, std::span<SavedSource> out) {
  return trust.save(cursor, out);
}
std::size_t take(const Trust& trust, std::uint32_t& cursor, std::span<SavedCell> out) {
  return trust.copy(cursor, out);
}

template <typename Row>
struct Copy : Errand {
  void serve(Chain& chain, Now /*now*/) override {
    count = take(chain.trust(), cursor, std::span<Row>(rows));
  }

  std::uint32_t cursor = 0;
  std::size_t count = 0;
  std::array<Row, kPiece<Row>> rows;
};

template <typename Row>
void copy_all(unsigned worker, const Ask& ask, std::vector<Row>& out) {
  Copy<Row> errand;
  while (errand.cursor != UINT32_MAX) {
    ask(worker, errand);
    out.insert(out.end(), errand.rows.begin(),
               errand.rows.begin() + static_cast<std::ptrdiff_t>(errand.count));
  }
}

}  // namespace

void gather(TrustState& trust, unsigned workers, const Ask& ask) {
  for (unsigned w = 0; w < workers; ++w) {
    copy_all(w, ask, trust.sources);
    const std::size_t before = trust.cells.size();
    copy_all(w, ask, trust.cells);
    for (std::size_t i = before; i < trust.cells.size(); ++i) trust.cells[i].worker = w;
  }
}

}  // namespace mitibox

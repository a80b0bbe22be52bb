// SPDX-License-Identifier: BSD-3-Clause
/// The connections of one worker, a piece at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "chain/chain.hpp"
#include "packet/flow_ends.hpp"
#include "shard/mailbox.hpp"
#include "tracker/connection.hpp"

namespace mitibox {

/// Ask until it is over; each time rows() are those that this piece of the table has.
class ListConnections : public Errand {
 public:
  struct Filter {
    std::optional<Address> address;     ///< of either end
    std::optional<std::uint16_t> port;  ///< of either end
    /// By Stage and TcpState: what connection_state() calls it; empty: any.
    std::string_view state;
  };
  struct Row {
    FlowEnds ends;
    Connection connection;
    std::uint32_t idle_ms = 0;  ///< since its last packet
  };

  explicit ListConnections(Filter filter) : filter_(filter) {}
  void serve(Chain& chain, Now now) override;

  [[nodiscard]] std::span<const Row> rows() const { return {rows_.data(), count_}; }
  [[nodiscard]] bool over() const { return over_; }

 private:
  // Some ten microseconds: a row is two cache lines of the table, and three of this.
  static constexpr std::uint32_t kPlaces = 512;
  static constexpr std::size_t kRows = 32;

  void look(Family family, std::span<const std::uint64_t> key, const Connection& c, Now now);
  [[nodiscard]] bool wanted(const FlowEnds& ends) const;

  const Filter filter_;
  Family family_ = Family::v4;
  std::uint32_t place_ = 0;
  bool over_ = false;
  std::size_t count_ = 0;
  std::array<Row, kRows> rows_;
};

/// One word: "calling" (the box has called the host for a proven client, and speaks for it),
/// "provisional" (picked up in the middle, not confirmed), the TcpState, or else "answered" and
/// "unanswered".
std::string_view connection_state(const Connection& c);
/// Whether it is one of these words.
bool is_connection_state(std::string_view word);

}  // namespace mitibox

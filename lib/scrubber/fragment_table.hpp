// SPDX-License-Identifier: BSD-3-Clause
/// Fragments that wait for the rest of their datagram (S-FRAG-1 to 4, S-FRAG-7).
#pragma once

#include <cstdint>
#include <optional>

#include "base/secrets.hpp"
#include "base/time.hpp"
#include "observe/counters.hpp"
#include "packet/packet.hpp"
#include "reply/index_list.hpp"
#include "scrubber/fragments.hpp"
#include "scrubber/hashed_records.hpp"
#include "trust/source.hpp"

namespace mitibox {

/// Owned by one lcore. Holds the frames of incomplete datagrams, and the identifiers of those that
/// broke a rule, for two seconds; fixed memory, and a fixed number of frames. Frames that end here
/// are counted and freed.
class FragmentTable {
 public:
  static constexpr std::uint32_t kLifetime = 2000;  ///< ms, S-FRAG-3; also of a barred identifier
  static constexpr std::uint32_t kOfSource = 64;    ///< datagrams, S-FRAG-4

  struct Limits {
    std::uint32_t datagrams;
    std::uint32_t frames;  ///< at least Pieces::kMost
  };

  FragmentTable(const Policy& policy, const Secrets& secrets, Limits limits, Counters& counters);
  ~FragmentTable() { finish(); }
  FragmentTable(const FragmentTable&) = delete;
  FragmentTable& operator=(const FragmentTable&) = delete;

  /// Takes a fragment whose verdict is `gather`. With the last one of a datagram its pieces are the
  /// caller's. Else the fragment is the table's, or was dropped: its verdict says so.
  std::optional<Pieces> gather(Packet& p, Now now);

  /// Ends at most `most` datagrams whose time is over, and lifts as many bars.
  void sweep(Now now, std::uint32_t most);

  /// Ends everything that waits.
  void finish();

  /// Frames that wait here.
  [[nodiscard]] std::uint32_t held() const { return held_; }

  static std::size_t memory_bytes(std::uint32_t datagrams);

 private:
  struct Datagram {
    std::uint64_t identity = 0;  ///< keyed hash of side, addresses, identifier, protocol
    std::uint32_t next = 0;
    Tick since = 0;  ///< the first fragment came, or the bar fell
    std::uint32_t source = 0;
    Reason why{};  ///< of a barred one
    bool barred = false;
    Links by_age;
    Links of_source;
    Pieces pieces;  ///< none once barred
  };
  static_assert(sizeof(Datagram) <= 192, "three cache lines: what a spoofed fragment costs");
  struct SourceRecord {
    std::uint64_t identity = 0;  ///< keyed hash of side and source
    std::uint32_t next = 0;
    std::uint32_t count = 0;
    IndexList<&Datagram::of_source> datagrams;  ///< the oldest first
  };
  using Ages = IndexList<&Datagram::by_age>;  ///< the oldest first

  [[nodiscard]] std::uint64_t identity(const Packet& p) const;
  [[nodiscard]] std::uint64_t source_identity(const Packet& p) const;
  [[nodiscard]] static bool expired(const Datagram& d, Now now) {
    return elapsed(now.tick, d.since) > kLifetime;
  }
  Ages& ages(const Datagram& d) { return d.barred ? barred_ : waiting_; }

  std::uint32_t find(std::uint64_t identity, Now now);
  std::uint32_t open(const Packet& p, std::uint64_t identity, Now now);
  void bar(std::uint32_t at, Reason why, Now now);
  void end_frames(Datagram& d, Reason why);
  void forget(std::uint32_t at);
  void drop(std::uint32_t at, Reason why);

  Key128 key_;
  SourceMask source_of_;
  std::uint32_t most_frames_;
  Counters& counters_;
  HashedRecords<Datagram> datagrams_;
  HashedRecords<SourceRecord> sources_;  ///< of datagrams: never more than those
  Ages waiting_;
  Ages barred_;
  std::uint32_t held_ = 0;
};

}  // namespace mitibox

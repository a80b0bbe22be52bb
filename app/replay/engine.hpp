// SPDX-License-Identifier: BSD-3-Clause
/// The chain offline: frames of captures in, a virtual clock from their times.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/secrets.hpp"
#include "capture.hpp"
#include "chain/chain.hpp"
#include "journal.hpp"
#include "offline_wire.hpp"
#include "rewriter.hpp"
#include "side_finder.hpp"

namespace mitibox::replay {

/// Buffers for one replay after another; EAL must run.
class Pools {
 public:
  static constexpr unsigned kReceived = 511;  ///< a frame at a time, and what a table may keep
  static constexpr std::uint16_t kRoom = UINT16_MAX;
  static constexpr unsigned kMade = 1023;

  Pools();
  ~Pools();
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  rte_mempool* received;
  rte_mempool* made;

  /// Ordinary memory that EAL needs for these pools and for tables of `tables` bytes.
  static std::size_t megabytes(std::size_t tables);
};

/// What happened to the frames before the chain.
struct Intake {
  std::uint64_t frames = 0;
  std::uint64_t withheld = 0;   ///< a host's answers to what the box had diverted: not replayed
  std::uint64_t cut = 0;        ///< the capture kept only their beginning
  std::uint64_t backwards = 0;  ///< older than the frame before: took its time
  Stamp first{}, last{};
};

class Engine {
 public:
  struct Config {
    Key128 key;
    std::vector<Prefix> inside;  ///< addresses on the inside port
    struct Output {
      std::string file;
      bool outside, inside;
    };
    std::vector<Output> outputs;
  };

  /// `policy` and `pools` must outlive the engine. Throws std::runtime_error.
  Engine(const Policy& policy, const Config& config, Pools& pools);

  /// Replays everything, lets timers of a few more seconds run out, and closes the outputs.
  /// Once only.
  void run(Merge& captures);

  [[nodiscard]] const Intake& intake() const { return intake_; }
  [[nodiscard]] const Chain& chain() const { return chain_; }
  [[nodiscard]] const Journal& journal() const { return journal_; }
  [[nodiscard]] const Rewriter& rewriter() const { return rewriter_; }
  [[nodiscard]] const OfflineWire& wire() const { return wire_; }
  [[nodiscard]] Now now() const { return now_; }
  /// Frames that the chain never gave back.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  void feed(const CapturedFrame& captured);
  void advance(Time to);
  void tick(Time at);

  Pools& pools_;
  SideFinder sides_;
  Rewriter rewriter_;
  Journal journal_;
  OfflineWire wire_;
  Chain chain_;
  Intake intake_;
  Now now_;
};

}  // namespace mitibox::replay

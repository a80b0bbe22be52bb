// SPDX-License-Identifier: BSD-3-Clause
/// Saves state from time to time, in a thread of its own: disks are slow.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "state/folder.hpp"
#include "state/gather.hpp"

namespace mitibox {

/// save() and add(): any thread.
class StateKeeper {
 public:
  struct Config {
    unsigned workers = 1;
    TrustState frame;  ///< prefixes and layout; without sources and cells
    std::chrono::seconds every{60};
    std::function<Time()> age;                         ///< the box's time
    Ask ask;                                           ///< while the workers run
    std::function<void(const std::string& line)> say;  ///< to the operator
  };
  /// What another room has to save: text of its own, called by whoever saves.
  struct Part {
    std::string name;  ///< of its section; at most Section::kLongestName
    std::uint32_t version = 1;
    std::function<std::string()> save;
  };
  struct Saved {
    std::uint64_t sources = 0;
    std::uint64_t cells = 0;
    std::uint64_t bytes = 0;  ///< of the file
    std::string file;
  };

  /// `folder` must outlive it.
  StateKeeper(StateFolder& folder, Config config);
  ~StateKeeper();  ///< without saving
  StateKeeper(const StateKeeper&) = delete;
  StateKeeper& operator=(const StateKeeper&) = delete;

  void add(Part part);

  /// From now on saves every so often, if anything has changed. Says when that begins to fail, and
  /// when it works again.
  void start();
  /// The last time, with `ask` for workers that no longer run.
  void finish(const Ask& ask);

  /// Now. Throws std::runtime_error.
  Saved save();

 private:
  enum class When { always, if_changed };
  Saved save(const Ask& ask, When when);
  void save_and_say(const Ask& ask);
  void run();
  void stop();

  StateFolder& folder_;
  Config config_;
  std::mutex saving_;  ///< guards what follows, and the file
  std::vector<Part> parts_;
  std::vector<Section> last_;  ///< as it stands in the file
  bool failing_ = false;
  std::mutex mutex_;  ///< guards stop_
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mitibox

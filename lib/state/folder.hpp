// SPDX-License-Identifier: BSD-3-Clause
/// The folder of what outlives the machine's boot: the state file, and the key that makes it of
/// use.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/siphash.hpp"
#include "state/image.hpp"

namespace mitibox {

/// One box has it at a time. Nothing that is wrong with it stops a box: what cannot be used is set
/// aside, never overwritten, and said. Used by one thread at a time.
class StateFolder {
 public:
  /// Makes the folder as needed (mode 0700) and locks it.
  explicit StateFolder(std::filesystem::path folder);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  /// Empty: it can be used. Else why nothing is kept.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  /// The box's master key, drawn at its first start. Without a usable folder a fresh one.
  Key128 key();
  /// What was saved last; nothing if nothing was, or none of it can be used.
  std::optional<Image> read();
  /// Puts it in the place of what was saved last. Throws std::runtime_error naming the file and
  /// the reason.
  void write(const Image& image) const;

  /// What the operator should know of key() and read(), a line each; then forgotten.
  std::vector<std::string> take_remarks() { return std::exchange(remarks_, {}); }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "state"; }

 private:
  void set_aside(const std::filesystem::path& file, const std::string& why);

  std::filesystem::path folder_;
  int lock_ = -1;
  std::string wrong_;
  std::vector<std::string> remarks_;
};

}  // namespace mitibox

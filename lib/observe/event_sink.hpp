// SPDX-License-Identifier: BSD-3-Clause
/// Where lines of events go: a file that others may rename, or a UNIX stream socket that they
/// listen on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace mitibox {

/// Owned by one control thread. Never waits for a reader; a slow disk holds up this thread alone.
class EventSink {
 public:
  enum class Kind { file, socket };
  static constexpr std::size_t kPending = 1U << 20U;  ///< bytes kept while nothing can be written
  /// A file that has been renamed or removed is opened anew, and a socket that is gone asked again,
  /// after so long at most.
  static constexpr Time kCheck = std::chrono::seconds(1);
  /// A file that has so many bytes gets no more: with nobody to rotate it a disk would fill up.
  static constexpr std::uintmax_t kLargest = std::uintmax_t{1} << 30U;

  EventSink(Kind kind, std::string path, std::uintmax_t largest = kLargest)
      : kind_(kind), path_(std::move(path)), largest_(largest) {}
  ~EventSink();
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  /// Takes a line without its end; false when there is no room.
  bool put(std::string_view line);
  /// Writes what it can. What to tell the operator: once when it begins to fail, or fails in
  /// another way, and once when it succeeds again; else empty. `now`: of any clock that goes on.
  std::string flush(Time now);

  /// Closed for good: what waits is lost.
  void abandon();

  /// Lines that put() had taken and that were cut by the end of their file or connection.
  [[nodiscard]] std::size_t torn() const { return torn_; }
  /// Of those that put() had taken, so many were not written whole and will not be.
  [[nodiscard]] std::size_t lost() const { return torn_ + abandoned_; }
  [[nodiscard]] bool empty() const { return pending_.empty(); }

 private:
  void check();
  void open();
  void close();
  void measure();
  void write();

  Kind kind_;
  std::string path_;
  std::uintmax_t largest_;
  std::uintmax_t size_ = 0;  ///< of the file, as far as is known
  int fd_ = -1;
  std::string pending_;
  bool within_line_ = false;  ///< the first byte of pending_ is not the first of its line
  std::size_t torn_ = 0;
  std::size_t abandoned_ = 0;
  bool checked_ever_ = false;
  Time checked_{};
  int error_ = 0;  ///< errno of the last attempt
  int told_ = 0;   ///< of which the operator knows
};

}  // namespace mitibox

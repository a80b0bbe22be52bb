// SPDX-License-Identifier: BSD-3-Clause
/// A file that holds the keys and records of one connection table, and outlives the process.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/time.hpp"
#include "tracker/connection.hpp"

namespace mitibox {

/// A file opened for reading, and locked unless another opening of it is. Closes itself.
class LockedFile {
 public:
  explicit LockedFile(const std::string& file);
  [[nodiscard]] int fd() const { return file_.fd(); }  ///< negative when it cannot be opened
  [[nodiscard]] bool locked() const { return locked_; }

 private:
  File file_;
  bool locked_;
};

/// Created and written by the one process that holds its lock; read by the next one (Survivors).
class Mapping {
 public:
  /// Where such files lie, and by which clock their times are read.
  struct Place {
    std::string directory;              ///< of a hugetlbfs or tmpfs
    std::string prefix;                 ///< of the files' names; one box has it at a time
    std::string boot;                   ///< the kernel's boot id
    std::chrono::milliseconds zero{0};  ///< time since boot at the box's epoch

    /// After EAL's start: its hugetlbfs if it uses huge pages and one is mounted, else /dev/shm;
    /// its file prefix.
    static Place standard(Now now);
  };

  /// First in the file; the records follow at kRecords, behind them the keys.
  struct Header {
    std::uint64_t magic;
    std::uint32_t version;  ///< of this layout and of Connection
    std::uint32_t record_size;
    std::uint32_t key_size;
    std::uint32_t capacity;
    std::array<char, 40> boot;
    std::int64_t zero;   ///< ms; Place::zero
    std::int64_t alive;  ///< ms since the box's epoch; written while the process lives
  };
  static constexpr std::uint64_t kMagic = 0x786f42697469'4d43U;
  static constexpr std::uint32_t kVersion = 4;
  /// The oldest that can be read: what 4 has new is zero in 3.
  static constexpr std::uint32_t kOldestVersion = 3;
  static constexpr std::size_t kRecords = 4096;

  /// A file of its own, all of it allocated; takes the place of one that an earlier process left.
  /// Throws std::runtime_error naming the file, its size and the option.
  Mapping(const Place& place, std::string_view table, std::uint32_t key_size,
          std::uint32_t capacity);
  ~Mapping();  ///< the file stays
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] Header& header() const { return *reinterpret_cast<Header*>(base_); }
  [[nodiscard]] Connection* records() const {
    return reinterpret_cast<Connection*>(base_ + kRecords);
  }
  [[nodiscard]] std::uint64_t* keys() const {
    return reinterpret_cast<std::uint64_t*>(base_ + kRecords +
                                            header().capacity * sizeof(Connection));
  }

  static std::size_t bytes(std::uint32_t key_size, std::uint64_t capacity) {
    return kRecords + capacity * (sizeof(Connection) + key_size);
  }
  /// How the names of all files of this prefix begin, whatever their version.
  static std::string stem(const std::string& prefix) { return prefix + ".connections-v"; }

  /// Bytes that files of this prefix hold: free again once they are read. Needs no EAL.
  static std::size_t held_bytes(const std::string& directory, const std::string& prefix);
  /// The hugetlbfs mount of the smallest pages; empty without one. Needs no EAL.
  static std::string hugetlb_directory();

 private:
  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
  int fd_ = -1;
};

}  // namespace mitibox

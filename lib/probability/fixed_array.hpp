// SPDX-License-Identifier: BSD-3-Clause
/// Memory of a table: allocated once, on the caller's NUMA node, aligned to cache lines, zeroed.
#pragma once

#include <rte_lcore.h>
#include <rte_malloc.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace mitibox {

/// What to tell an operator whose memory is short.
struct TableName {
  std::string table;
  std::string option;  ///< the policy's word that sizes it
};

inline std::runtime_error table_refused(const TableName& name, std::size_t bytes) {
  return std::runtime_error("no memory for table \"" + name.table + "\" of " +
                            std::to_string(bytes) + " bytes: lower " + name.option +
                            " or give EAL more memory");
}

template <typename T>
class FixedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  /// Throws std::runtime_error naming the table, its size and the option when memory is short.
  FixedArray(std::size_t count, const TableName& name)
      : size_(count),
        items_(static_cast<T*>(rte_zmalloc_socket(name.table.c_str(), count * sizeof(T), kAlign,
                                                  static_cast<int>(rte_socket_id())))) {
    if (!items_) throw table_refused(name, count * sizeof(T));
  }

  T& operator[](std::size_t i) { return items_.get()[i]; }
  const T& operator[](std::size_t i) const { return items_.get()[i]; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr unsigned kAlign = 64;
  struct Free {
    void operator()(T* p) const { rte_free(p); }
  };
  std::size_t size_;
  std::unique_ptr<T, Free> items_;
};

/// A hash's bits 16..47, scaled to 0..count-1 (Lemire, 2019): a table of any size, no division.
/// The uppermost bits are left out because a coin that compares the whole hash has biased them.
constexpr std::size_t slot_of(std::uint64_t hash, std::size_t count) {
  return static_cast<std::size_t>(((hash >> 16U & 0xffffffffU) * count) >> 32U);
}

}  // namespace mitibox

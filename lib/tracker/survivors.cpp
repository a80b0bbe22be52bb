// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/survivors.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "packet/offer.hpp"

namespace mitibox {

namespace {

constexpr std::int64_t kOldest = 1LL << 30U;  ///< ms, 12 days; no timeout is longer than 7

/// Whether every field is one that the Tracker may use: it indexes and shifts by some.
bool is_sound(std::span<const std::uint64_t> key, const Connection& c) {
  return c.seal == seal_of(key, c) && c.protocol == static_cast<std::uint8_t>(key.back() >> 32U) &&
         static_cast<std::size_t>(c.state) < kTcpStates &&
         static_cast<std::size_t>(c.opener) < kSides && c.stage <= Stage::settled &&
         c.client_scale <= SynOffer::kMaxScale &&
         std::all_of(std::begin(c.ends), std::end(c.ends), [](const TcpEnd& e) {
           return e.scale <= SynOffer::kMaxScale && (e.mss == 0 || e.mss >= kLeastMss);
         });
}

}  // namespace

struct Survivors::Times {
  std::int64_t down;  ///< ms for which no process lived
  Tick alive;         ///< the last tick that the old process knew
  Tick now;           ///< of the new one
};

Survivors::Survivors(const Mapping::Place& place, Now now) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(place.directory, error))
    if (entry.path().filename().string().rfind(Mapping::stem(place.prefix), 0) == 0)
      files_.push_back(entry.path());
  if (error)
    remarks_.push_back(fmt::format("{}: cannot be read: {}", place.directory, error.message()));
  std::sort(files_.begin(), files_.end());
  for (const std::string& file : files_) read(file, place, now);
}

void Survivors::read(const std::string& file, const Mapping::Place& place, Now now) {
  const LockedFile f(file);
  struct stat s {};
  std::string wrong;
  if (f.fd() < 0 || fstat(f.fd(), &s) != 0 || !S_ISREG(s.st_mode))
    wrong = "cannot be opened";
  else if (s.st_uid != geteuid() || (s.st_mode & 0077U) != 0)
    wrong = "others may have written it";
  else if (!f.locked())
    wrong = "another process uses it";
  const auto size = static_cast<std::size_t>(s.st_size);
  if (wrong.empty() && size < Mapping::kRecords) wrong = "too short";
  void* at = wrong.empty() ? mmap(nullptr, size, PROT_READ, MAP_SHARED, f.fd(), 0) : MAP_FAILED;
  if (wrong.empty() && at == MAP_FAILED) wrong = "cannot be mapped";
  if (wrong.empty()) {
    const auto& header = *static_cast<const Mapping::Header*>(at);
    wrong = check(header, size, place);
    if (wrong.empty()) {
      const std::int64_t time =
          std::chrono::duration_cast<std::chrono::milliseconds>(now.time).count() +
          place.zero.count();
      const Times times{std::max<std::int64_t>(0, time - header.zero - header.alive),
                        static_cast<Tick>(header.alive), now.tick};
      if (header.key_size == kKeySizeV4)
        take(header, times, v4_);
      else
        take(header, times, v6_);
    }
    munmap(at, size);
  }
  if (!wrong.empty())
    remarks_.push_back(
        fmt::format("connections of an earlier run not restored from {}: {}", file, wrong));
}

std::string Survivors::check(const Mapping::Header& h, std::size_t size,
                             const Mapping::Place& place) {
  if (h.magic != Mapping::kMagic) return "not a table of connections";
  if (h.version < Mapping::kOldestVersion || h.version > Mapping::kVersion)
    return fmt::format("layout {}, expected {}", h.version, Mapping::kVersion);
  if (h.record_size != sizeof(Connection))
    return fmt::format("records of {} bytes, expected {}", h.record_size, sizeof(Connection));
  if (h.key_size != kKeySizeV4 && h.key_size != kKeySizeV6)
    return fmt::format("keys of {} bytes", h.key_size);
  if (const std::size_t needed = Mapping::bytes(h.key_size, h.capacity); size < needed)
    return fmt::format("{} bytes, expected {}", size, needed);
  if (std::string_view(h.boot.data(), strnlen(h.boot.data(), h.boot.size())) != place.boot)
    return "the machine was started anew since";
  return {};
}

template <std::size_t Words>
void Survivors::take(const Mapping::Header& header, const Times& times,
                     std::deque<Row<Words>>& rows) {
  const auto* records = reinterpret_cast<const std::byte*>(&header) + Mapping::kRecords;
  const auto* keys = records + header.capacity * sizeof(Connection);
  for (std::size_t i = 0; i < header.capacity; ++i) {
    Connection c;
    std::memcpy(&c, records + i * sizeof c, sizeof c);
    Row<Words> row;
    std::memcpy(&row.key, keys + i * sizeof row.key, sizeof row.key);
    if (c.seal == 0) continue;  // free, or half-written
    if (!is_sound(row.key, c)) {
      ++damaged_;
      continue;
    }
    const auto idle = std::max(0, static_cast<std::int32_t>(times.alive - c.last_seen));
    if (idle + times.down > kOldest) continue;
    c.last_seen = times.now - static_cast<Tick>(idle + times.down);
    row.record = std::bit_cast<std::array<std::byte, sizeof c>>(c);
    rows.push_back(row);
  }
}

void Survivors::clear() {
  for (const std::string& file : files_)
    if (const LockedFile f(file); f.locked()) unlink(file.c_str());
  files_.clear();
}

}  // namespace mitibox

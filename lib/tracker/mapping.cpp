// SPDX-License-Identifier: BSD-3-Clause
#include "tracker/mapping.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <rte_eal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

namespace mitibox {

namespace {

std::string read_line(const char* file) {
  std::string line;
  std::getline(std::ifstream(file), line);
  return line;
}

[[noreturn]] void refuse(const std::string& file, std::size_t bytes, const char* what) {
  const int error = errno;
  throw std::runtime_error(
      fmt::format("cannot {} {} of {} MiB: {}; lower tables.connections, give more memory, or set "
                  "tables.persist to false",
                  what, file, bytes >> 20U, std::strerror(error)));
}

}  // namespace

LockedFile::LockedFile(const std::string& file)
    : file_(file.c_str(), O_RDONLY | O_NOFOLLOW),
      locked_(fd() >= 0 && flock(fd(), LOCK_EX | LOCK_NB) == 0) {}

Mapping::Place Mapping::Place::standard(Now now) {
  Place place;
  if (rte_eal_has_hugepages() != 0) place.directory = hugetlb_directory();
  if (place.directory.empty()) place.directory = "/dev/shm";
  const char* runtime = rte_eal_get_runtime_dir();
  place.prefix = std::filesystem::path(runtime == nullptr ? "" : runtime).filename();
  if (place.prefix.empty()) place.prefix = "mitibox";
  place.boot = read_line("/proc/sys/kernel/random/boot_id");
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  place.zero = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds(since_boot.tv_sec) + std::chrono::nanoseconds(since_boot.tv_nsec) -
      now.time);
  return place;
}

Mapping::Mapping(const Place& place, std::string_view table, std::uint32_t key_size,
                 std::uint32_t capacity) {
  std::string name = fmt::format("{}{}.{}", stem(place.prefix), kVersion, table);
  std::replace(name.begin(), name.end(), ' ', '-');
  const std::string file = place.directory + '/' + name;
  size_ = bytes(key_size, capacity);
  if (const LockedFile old(file); old.fd() >= 0 && !old.locked()) {
    errno = EBUSY;
    refuse(file, size_, "replace");
  }
  unlink(file.c_str());
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd_ < 0) refuse(file, size_, "create");
  struct stat s {};
  fstat(fd_, &s);  // a hugetlbfs takes whole pages
  const auto page = static_cast<std::size_t>(std::max<blksize_t>(s.st_blksize, 4096));
  size_ = (size_ + page - 1) / page * page;
  const auto give_up = [&](const char* what) {
    unlink(file.c_str());
    close(fd_);
    refuse(file, size_, what);
  };
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) give_up("lock");
  // Here and now, or a write would fail later with a signal.
  if (const int error = posix_fallocate(fd_, 0, static_cast<off_t>(size_)); error != 0) {
    errno = error;
    give_up("allocate");
  }
  void* at = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
  if (at == MAP_FAILED) give_up("map");
  base_ = static_cast<std::byte*>(at);
  Header& h = header();
  h.version = kVersion;
  h.record_size = sizeof(Connection);
  h.key_size = key_size;
  h.capacity = capacity;
  h.zero = place.zero.count();
  std::copy_n(place.boot.begin(), std::min(place.boot.size(), h.boot.size() - 1), h.boot.begin());
  h.magic = kMagic;
}

Mapping::~Mapping() {
  munmap(base_, size_);
  close(fd_);
}

std::size_t Mapping::held_bytes(const std::string& directory, const std::string& prefix) {
  std::size_t bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    struct stat s {};
    if (entry.path().filename().string().rfind(stem(prefix), 0) == 0 &&
        lstat(entry.path().c_str(), &s) == 0)
      bytes += static_cast<std::size_t>(s.st_blocks) * 512;
  }
  return bytes;
}

std::string Mapping::hugetlb_directory() {
  std::string best;
  long smallest = std::numeric_limits<long>::max();
  std::ifstream mounts("/proc/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, directory, type;
    words >> device >> directory >> type;
    struct statfs s {};
    if (type != "hugetlbfs" || statfs(directory.c_str(), &s) != 0 ||
        access(directory.c_str(), W_OK) != 0 || s.f_bsize >= smallest)
      continue;
    smallest = s.f_bsize;
    best = directory;
  }
  return best;
}

}  // namespace mitibox

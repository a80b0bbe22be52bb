// SPDX-License-Identifier: BSD-3-Clause
#include "state/folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>

#include "base/atomic_file.hpp"
#include "base/file.hpp"
#include "base/key_file.hpp"
#include "base/secrets.hpp"

namespace mitibox {

namespace {

/// The largest tables fill half of it.
constexpr off_t kLargest = off_t{8} << 30U;

/// The whole file, or why it must not be used; neither when there is none.
struct Content {
  std::optional<Bytes> bytes;
  std::string wrong;
};

Content content_of(const std::filesystem::path& file) {
  // A pipe must not keep the box waiting.
  const File f(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (f.fd() < 0 && errno == ENOENT) return {};
  if (f.fd() < 0) return {std::nullopt, std::strerror(errno)};
  struct stat s {};
  if (::fstat(f.fd(), &s) != 0) return {std::nullopt, std::strerror(errno)};
  if (!S_ISREG(s.st_mode)) return {std::nullopt, "it is no ordinary file"};
  if (s.st_uid != ::geteuid()) return {std::nullopt, "it belongs to another user"};
  if ((s.st_mode & (S_IRWXG | S_IRWXO)) != 0) return {std::nullopt, "others may read or write it"};
  if (s.st_size > kLargest) return {std::nullopt, fmt::format("{} bytes are too many", s.st_size)};
  Bytes bytes(static_cast<std::size_t>(s.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::read(f.fd(), bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {std::nullopt, std::strerror(errno)};
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  return {std::move(bytes), {}};
}

}  // namespace

StateFolder::StateFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  if (std::filesystem::create_directories(folder_, error))
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
  lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0 || ::access(folder_.c_str(), W_OK) != 0)
    wrong_ = fmt::format("{}: {}", folder_.string(), std::strerror(errno));
  else if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    wrong_ = fmt::format("{}: another box uses it; give each its own --state", folder_.string());
}

StateFolder::~StateFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void StateFolder::set_aside(const std::filesystem::path& file, const std::string& why) {
  const std::string stem = fmt::format("{}.damaged-{}", file.string(), std::time(nullptr));
  std::string aside = stem;
  // What was set aside before stays.
  for (int i = 1; std::filesystem::exists(std::filesystem::symlink_status(aside)); ++i)
    aside = fmt::format("{}-{}", stem, i);
  if (::rename(file.c_str(), aside.c_str()) == 0)
    remarks_.push_back(fmt::format("{}: {}; set aside as {}", file.string(), why, aside));
  else
    remarks_.push_back(fmt::format("{}: {}; it cannot be set aside: {}", file.string(), why,
                                   std::strerror(errno)));
}

Key128 StateFolder::key() {
  if (!wrong_.empty()) return random_key();
  const std::filesystem::path file = folder_ / "key";
  try {
    try {
      return kept_key(file);
    } catch (const BadKey& e) {
      set_aside(file, e.what());
    }
    return kept_key(file);
  } catch (const std::runtime_error& e) {
    remarks_.push_back(fmt::format("{}; this run has a key of its own", e.what()));
    return random_key();
  }
}

std::optional<Image> StateFolder::read() {
  if (!wrong_.empty()) return std::nullopt;
  Content content = content_of(file());
  if (content.wrong.empty() && !content.bytes) return std::nullopt;
  if (content.wrong.empty()) {
    Image::Decoded decoded = Image::decode(*content.bytes);
    if (decoded.image) return std::move(decoded.image);
    content.wrong = std::move(decoded.wrong);
  }
  set_aside(file(), content.wrong);
  return std::nullopt;
}

void StateFolder::write(const Image& image) const {
  if (!wrong_.empty()) throw std::runtime_error(wrong_);
  replace_file(file(), image.encode());
}

}  // namespace mitibox

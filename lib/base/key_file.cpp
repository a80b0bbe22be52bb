// SPDX-License-Identifier: BSD-3-Clause
#include "base/key_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/file.hpp"
#include "base/secrets.hpp"

namespace mitibox {

namespace {

constexpr std::size_t kDigits = 32;

[[noreturn]] void fail(const std::filesystem::path& file, std::string_view why) {
  throw std::runtime_error(fmt::format("key file {}: {}", file.string(), why));
}
[[noreturn]] void fail(const std::filesystem::path& file) {
  fail(file, std::strerror(errno));
}

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view why) {
  throw BadKey(fmt::format("key file {}: {}", file.string(), why));
}

/// Nothing when there is no such file.
std::optional<Key128> read_key(const std::filesystem::path& file) {
  const File f(file.c_str());
  if (f.fd() < 0 && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (f.fd() < 0 || ::fstat(f.fd(), &status) != 0) fail(file);
  if (!S_ISREG(status.st_mode)) refuse(file, "is no ordinary file; delete it for a new key");
  if (status.st_uid != ::geteuid())
    refuse(file, "belongs to another user; delete it for a new key");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    refuse(file, "others may read it; chmod 600 it, or delete it for a new key");
  std::array<char, kDigits + 2> text{};
  const ssize_t n = ::read(f.fd(), text.data(), text.size());
  if (n < 0) fail(file);
  const std::string_view all(text.data(), static_cast<std::size_t>(n));
  const auto key = parse_key(all.substr(0, all.find('\n')));
  if (!key || all.size() > kDigits + 1)
    refuse(file, "expected 32 hexadecimal digits in a line; delete it for a new key");
  return key;
}

}  // namespace

Key128 kept_key(const std::filesystem::path& file) {
  if (const auto key = read_key(file)) return *key;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) fail(file, fmt::format("its folder cannot be made: {}", error.message()));
  const Key128 key = random_key();
  // Whole, or not at all: it gets its name when it is written.
  const std::filesystem::path draft = fmt::format("{}.{}", file.string(), ::getpid());
  const std::string text = fmt::format("{:016x}{:016x}\n", key.k0, key.k1);
  {
    ::unlink(draft.c_str());  // what a dead process of this number left
    const File f(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (f.fd() < 0) fail(draft);
    const ssize_t written = ::write(f.fd(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size()) || ::fsync(f.fd()) != 0) {
      const std::string why = written >= 0 && written != static_cast<ssize_t>(text.size())
                                  ? "no room"
                                  : std::strerror(errno);
      ::unlink(draft.c_str());
      fail(draft, why);
    }
  }
  const bool named = ::link(draft.c_str(), file.c_str()) == 0;
  const int why = errno;
  ::unlink(draft.c_str());
  if (named) return key;
  if (why != EEXIST) fail(file, std::strerror(why));
  const auto other = read_key(file);  // another process was first
  if (!other) fail(file, "it came and went");
  return *other;
}

}  // namespace mitibox

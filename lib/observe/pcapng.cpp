// SPDX-License-Identifier: BSD-3-Clause
#include "observe/pcapng.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace mitibox {

namespace {

constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kPacket = 6;  ///< enhanced packet block
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kComment = 1;        ///< option, of any block
constexpr std::uint16_t kInterfaceName = 2;  ///< option, of an interface
constexpr std::uint16_t kResolution = 9;     ///< option, of an interface
constexpr std::uint16_t kFlags = 2;          ///< option, of a packet
constexpr int kOpen = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

}  // namespace

PcapngFile::PcapngFile(const std::string& path, std::span<const std::string_view> interfaces)
    : path_(path), file_(path.c_str(), kOpen, 0600) {
  if (file_.fd() < 0)
    throw std::runtime_error(fmt::format("cannot create {}: {}", path, std::strerror(errno)));
  begin(kSection);
  number(kByteOrder);
  number(1);  // version 1.0
  constexpr auto kUnknown = std::numeric_limits<std::uint64_t>::max();
  put(&kUnknown, sizeof kUnknown);  // the section's length
  end();
  for (const std::string_view name : interfaces) {
    begin(kInterface);
    number(kEthernet);
    number(0);  // no limit of length
    option(kInterfaceName, name.data(), name.size());
    constexpr std::uint8_t kNanoseconds = 9;
    option(kResolution, &kNanoseconds, sizeof kNanoseconds);
    option(0, nullptr, 0);
    end();
  }
  flush();
}

void PcapngFile::write(const Packet& p) {
  begin(kPacket);
  number(p.interface);
  number(static_cast<std::uint32_t>(p.ns >> 32U));
  number(static_cast<std::uint32_t>(p.ns));
  number(static_cast<std::uint32_t>(p.bytes.size()));
  number(p.length);
  put(p.bytes.data(), p.bytes.size());
  option(kComment, p.comment.data(), p.comment.size());
  const std::uint32_t direction = p.outbound ? 2 : 1;
  option(kFlags, &direction, sizeof direction);
  option(0, nullptr, 0);
  end();
  flush();
}

void PcapngFile::begin(std::uint32_t type) {
  start_ = block_.size();
  number(type);
  number(0);  // the length; end() knows it
}

/// Padded to four bytes, as everything in a block.
void PcapngFile::put(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  block_.insert(block_.end(), bytes, bytes + size);
  block_.resize((block_.size() + 3) / 4 * 4);
}

void PcapngFile::option(std::uint16_t code, const void* data, std::size_t size) {
  number(code | static_cast<std::uint32_t>(size) << 16U);
  if (size != 0) put(data, size);
}

void PcapngFile::end() {
  const auto length = static_cast<std::uint32_t>(block_.size() - start_ + sizeof(std::uint32_t));
  number(length);
  std::memcpy(&block_[start_ + sizeof(std::uint32_t)], &length, sizeof length);
}

void PcapngFile::flush() {
  for (std::size_t done = 0; done < block_.size();) {
    const ssize_t n = ::write(file_.fd(), block_.data() + done, block_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw std::runtime_error(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
    done += static_cast<std::size_t>(n);
  }
  size_ += block_.size();
  block_.clear();
}

}  // namespace mitibox

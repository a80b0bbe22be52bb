// SPDX-License-Identifier: BSD-3-Clause
#include "state/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "base/siphash.hpp"

namespace mitibox {

namespace {

constexpr std::array<char, 8> kMagic{'M', 'i', 't', 'i', 'B', 'o', 'x', '\n'};
constexpr std::uint32_t kVersion = 1;
/// Known to all: the checksum finds damage. Who may write the file may write anything.
constexpr Key128 kCheck{0x7374617465206f66U, 0x206d697469626f78U};

struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t sections;
  std::uint64_t bytes;  ///< of the whole file
  Moment saved;
};

struct SectionHeader {
  std::array<char, Section::kLongestName + 1> name;
  std::uint32_t version;
  std::uint32_t zero;
  std::uint64_t bytes;
};

using Checksum = std::uint64_t;

Checksum checksum(std::span<const std::byte> bytes) {
  return siphash_bytes<1, 3>(kCheck,
                             {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

template <typename T>
void append(Bytes& out, const T& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// Takes values off the front, as far as there are bytes.
class Taker {
 public:
  explicit Taker(std::span<const std::byte> bytes) : left_(bytes) {}
  template <typename T>
  bool take(T& value) {
    if (left_.size() < sizeof value) return false;
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
    return true;
  }
  bool take(std::uint64_t count, Bytes& out) {
    if (count > left_.size()) return false;
    out.assign(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(count));
    left_ = left_.subspan(count);
    return true;
  }
  [[nodiscard]] bool empty() const { return left_.empty(); }

 private:
  std::span<const std::byte> left_;
};

Image::Decoded wrong(std::string why) {
  return {std::nullopt, std::move(why)};
}

}  // namespace

const Section* Image::find(std::string_view name) const {
  const auto at = std::find_if(sections.begin(), sections.end(),
                               [&](const Section& s) { return s.name == name; });
  return at == sections.end() ? nullptr : &*at;
}

Bytes Image::encode() const {
  std::size_t size = sizeof(FileHeader) + sizeof(Checksum);
  for (const Section& s : sections) size += sizeof(SectionHeader) + s.bytes.size();
  Bytes out;
  out.reserve(size);
  append(out,
         FileHeader{kMagic, kVersion, static_cast<std::uint32_t>(sections.size()), size, saved});
  for (const Section& s : sections) {
    assert(s.name.size() <= Section::kLongestName);
    SectionHeader h{{}, s.version, 0, s.bytes.size()};
    std::copy(s.name.begin(), s.name.end(), h.name.begin());
    append(out, h);
    out.insert(out.end(), s.bytes.begin(), s.bytes.end());
  }
  append(out, checksum(out));
  return out;
}

Image::Decoded Image::decode(std::span<const std::byte> file) {
  FileHeader header{};
  Taker head(file);
  if (!head.take(header)) return wrong(fmt::format("{} bytes are no state file", file.size()));
  if (header.magic != kMagic) return wrong("it is no state file");
  if (header.version != kVersion)
    return wrong(fmt::format("layout {}, expected {}", header.version, kVersion));
  if (header.bytes != file.size())
    return wrong(fmt::format("{} bytes, expected {}", file.size(), header.bytes));
  if (file.size() < sizeof header + sizeof(Checksum)) return wrong("it has no checksum");
  const auto content = file.first(file.size() - sizeof(Checksum));
  Checksum sum = 0;
  std::memcpy(&sum, file.data() + content.size(), sizeof sum);
  if (sum != checksum(content)) return wrong("its checksum does not match");
  // What follows was written so by a box, of this or another version.
  Image image;
  image.saved = header.saved;
  if (header.saved.age < Time{} || header.saved.age > Time::max() / 2)
    return wrong("its time is out of range");
  Taker rest(content.subspan(sizeof header));
  for (std::uint32_t i = 0; i < header.sections; ++i) {
    SectionHeader h{};
    Section s;
    if (!rest.take(h) || !rest.take(h.bytes, s.bytes)) return wrong("a section is too short");
    s.name.assign(h.name.data(), strnlen(h.name.data(), Section::kLongestName));
    s.version = h.version;
    image.sections.push_back(std::move(s));
  }
  if (!rest.empty()) return wrong("there is more behind its sections");
  return {std::move(image), {}};
}

}  // namespace mitibox

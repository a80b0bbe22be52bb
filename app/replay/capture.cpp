// SPDX-License-Identifier: BSD-3-Clause
#include "capture.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>

namespace mitibox::replay {

namespace {

/// Damaged files carry any number; what is kept neither overflows nor is negative.
Stamp stamp_of(const timeval& tv) {
  constexpr std::int64_t kLastSecond = UINT32_MAX;
  constexpr std::int64_t kLastNano = 999'999'999;
  const std::int64_t seconds = std::clamp<std::int64_t>(tv.tv_sec, 0, kLastSecond);
  const std::int64_t nanos = std::clamp<std::int64_t>(tv.tv_usec, 0, kLastNano);
  return std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanos);
}

std::string link_name(int type) {
  const char* name = pcap_datalink_val_to_name(type);
  return name != nullptr ? fmt::format("{} ({})", name, type) : fmt::format("number {}", type);
}

}  // namespace

Capture::Capture(const std::string& file) : file_(file) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_.reset(pcap_open_offline_with_tstamp_precision(file.c_str(), PCAP_TSTAMP_PRECISION_NANO,
                                                      error.data()));
  if (pcap_ == nullptr) {
    const std::string why = error.data();
    throw std::runtime_error(why.starts_with(file) ? why : fmt::format("{}: {}", file, why));
  }
  if (const int type = pcap_datalink(pcap_.get()); type != DLT_EN10MB)
    throw std::runtime_error(
        fmt::format("{}: link type {}; expected Ethernet (1): capture on the Ethernet interface "
                    "itself, not on \"any\" or a tunnel",
                    file, link_name(type)));
}

std::optional<CapturedFrame> Capture::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  const int got = pcap_next_ex(pcap_.get(), &header, &bytes);
  if (got != 1) {
    if (got == PCAP_ERROR) error_ = pcap_geterr(pcap_.get());
    return std::nullopt;
  }
  ++frames_;
  const Stamp stamp = stamp_of(header->ts);
  CapturedFrame frame{{bytes, header->caplen},
                      std::max<std::size_t>(header->len, header->caplen),
                      std::max(stamp, last_),
                      stamp < last_};
  last_ = frame.stamp;
  return frame;
}

Merge::Merge(const std::vector<std::string>& files) {
  captures_.reserve(files.size());
  for (const std::string& file : files) captures_.emplace_back(file);
  for (Capture& capture : captures_) heads_.push_back(capture.next());
}

std::optional<CapturedFrame> Merge::next() {
  if (taken_) heads_[*taken_] = captures_[*taken_].next();
  taken_.reset();
  for (std::size_t i = 0; i < heads_.size(); ++i)
    if (heads_[i] && (!taken_ || heads_[i]->stamp < heads_[*taken_]->stamp)) taken_ = i;
  return taken_ ? heads_[*taken_] : std::nullopt;
}

}  // namespace mitibox::replay

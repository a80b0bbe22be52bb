// SPDX-License-Identifier: BSD-3-Clause
#include "offline_wire.hpp"

#include <rte_mbuf.h>

#include <stdexcept>

#include <fmt/format.h>

#include "base/poison.hpp"

namespace mitibox::replay {

namespace {

constexpr int kSnapLength = 262144;

}  // namespace

CaptureWriter::CaptureWriter(const std::string& file)
    : file_(file),
      pcap_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength,
                                                 PCAP_TSTAMP_PRECISION_NANO)) {
  if (pcap_ == nullptr) throw std::runtime_error(fmt::format("{}: out of memory", file));
  dumper_.reset(pcap_dump_open(pcap_.get(), file.c_str()));
  if (dumper_ == nullptr) throw std::runtime_error(pcap_geterr(pcap_.get()));
}

void CaptureWriter::write(std::span<const std::uint8_t> frame, Stamp stamp) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(stamp);
  pcap_pkthdr header{};
  header.ts.tv_sec = seconds.count();
  header.ts.tv_usec = (stamp - seconds).count();
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame.data());
}

void CaptureWriter::close() {
  const bool failed =
      pcap_dump_flush(dumper_.get()) != 0 || std::ferror(pcap_dump_file(dumper_.get())) != 0;
  dumper_.reset();
  if (failed) throw std::runtime_error(fmt::format("{}: not everything could be written", file_));
}

void OfflineWire::record(const std::string& file, bool outside, bool inside) {
  sinks_.push_back({CaptureWriter(file), {outside, inside}});
}

std::uint16_t OfflineWire::send(Side to, rte_mbuf** frames, std::uint16_t count) {
  for (std::uint16_t i = 0; i < count; ++i) {
    rte_mbuf* frame = frames[i];
    unpoison_frame(frame);
    const std::uint32_t length = rte_pktmbuf_pkt_len(frame);
    copy_.resize(length);
    if (rte_pktmbuf_read(frame, 0, length, copy_.data()) != copy_.data())
      copy_.assign(rte_pktmbuf_mtod(frame, std::uint8_t*),
                   rte_pktmbuf_mtod(frame, std::uint8_t*) + length);
    for (Sink& sink : sinks_)
      if (sink.takes[index(to)]) sink.writer.write(copy_, stamp_);
    if (frame->pool == made_pool_) {
      ++made_[index(to)];
      if (to == Side::outside) observer_(view(copy_));
    } else {
      ++forwarded_[index(to)];
    }
    rte_pktmbuf_free(frame);
  }
  return count;
}

void OfflineWire::close() {
  for (Sink& sink : sinks_) sink.writer.close();
  sinks_.clear();
}

}  // namespace mitibox::replay

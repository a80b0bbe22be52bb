// SPDX-License-Identifier: BSD-3-Clause
/// A simplified TCP end (RFC 9293, RFC 5961) without congestion control, in virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "segments.hpp"

namespace mitibox::test {

class Endpoint {
 public:
  enum class State : std::uint8_t { closed, listen, syn_sent, syn_received, open, time_wait };

  struct Config {
    Side side = Out;
    std::uint32_t isn = 0;
    std::uint32_t to_send = 0;  ///< bytes, then FIN (unless `keep_open`)
    std::uint32_t buffer = 60000;
    int scale = -1;
    bool sack = false;
    bool avoids_silly = false;   ///< shuts a window smaller than a segment (RFC 1122 4.2.3.3)
    int again_scale = 99;        ///< of repeated SYNs; 99: as `scale`
    bool wait_for_fin = false;   ///< sends nothing before the other end's FIN
    bool keep_open = false;      ///< never sends FIN
    std::uint32_t syn_data = 0;  ///< bytes that go with the SYN
    bool ignore_syn_data = false;
    Time stall_from{}, stall_until{};        ///< in between the application reads nothing
    std::uint32_t abort_after = UINT32_MAX;  ///< bytes received after which it resets
  };

  explicit Endpoint(const Config& config) : config_(config) { reset(config.isn); }

  void listen() { state_ = State::listen; }
  void connect(Time now);
  /// Starts over, in the state closed.
  void reset(std::uint32_t isn);
  /// The application closes at once and with unread data: RFC 9293 3.6.1.
  void abort();

  void receive(const Segment& s, Time now);
  /// Sends what is due at this time.
  void run(Time now);
  [[nodiscard]] std::vector<Segment> take();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::uint32_t received() const { return delivered_; }
  [[nodiscard]] bool fin_received() const { return fin_received_; }
  /// Everything sent was acknowledged, the FIN too.
  [[nodiscard]] bool all_acknowledged() const { return fin_sent_ && una_ == max_; }
  [[nodiscard]] bool finished() const {
    return state_ == State::time_wait || (state_ == State::closed && ended_well_);
  }
  /// Whether it lacks what this segment holds.
  [[nodiscard]] bool needs(const Segment& s) const;
  /// Octets that came beyond the window.
  [[nodiscard]] std::uint32_t overrun() const { return overrun_; }
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  Endpoint(const Config& config, int) : config_(config) {}
  void emit(std::uint8_t flags, std::uint32_t sequence, std::uint16_t length = 0);
  void acknowledge() { emit(A, max_); }
  void send_new(Time now);
  void retransmit(Time now);
  void take_data(const Segment& s);
  void take_ack(const Segment& s, Time now);
  void receive_closed(const Segment& s);
  void receive_syn_sent(const Segment& s, Time now);
  void opened(const Segment& s, Time now);
  [[nodiscard]] std::uint32_t window() const;
  [[nodiscard]] std::uint32_t data_end() const { return isn_ + 1 + config_.to_send; }
  [[nodiscard]] bool may_send() const;

  Config config_;
  State state_ = State::closed;
  std::uint32_t isn_ = 0, una_ = 0, next_ = 0, max_ = 0;
  std::uint32_t peer_isn_ = 0, expected_ = 0, peer_window_ = 0;
  int peer_scale_ = -1;
  std::map<std::uint32_t, std::uint32_t> early_;  ///< offsets from peer_isn_ + 1: start, end
  std::uint32_t fin_at_ = 0;
  bool fin_known_ = false, fin_received_ = false, fin_sent_ = false, ended_well_ = false;
  std::uint32_t delivered_ = 0, unread_ = 0;
  int duplicates_ = 0;
  std::uint32_t overrun_ = 0;
  Time due_ = Time::max();
  Time timeout_{};
  Time clock_{};
  std::vector<Segment> out_;
};

}  // namespace mitibox::test

// SPDX-License-Identifier: BSD-3-Clause
#include "endpoint.hpp"

#include <algorithm>
#include <utility>

#include "tracker/sequence.hpp"

namespace mitibox::test {

namespace {

constexpr std::uint32_t kMss = 1460;
constexpr Time kFirstTimeout = std::chrono::milliseconds(300);
constexpr Time kLastTimeout = std::chrono::seconds(3);

}  // namespace

void Endpoint::reset(std::uint32_t isn) {
  const Config config = config_;
  *this = Endpoint(config, 0);
  config_.isn = isn;
  isn_ = una_ = next_ = max_ = isn;
}

void Endpoint::connect(Time now) {
  state_ = State::syn_sent;
  max_ = next_ = isn_ + 1 + config_.syn_data;
  emit(S, isn_, static_cast<std::uint16_t>(config_.syn_data));
  timeout_ = std::chrono::seconds(1);
  due_ = now + timeout_;
}

void Endpoint::abort() {
  emit(RA, max_);
  state_ = State::closed;
  due_ = Time::max();
}

std::uint32_t Endpoint::window() const {
  return config_.buffer > unread_ ? config_.buffer - unread_ : 0;
}

void Endpoint::emit(std::uint8_t flags, std::uint32_t sequence, std::uint16_t length) {
  Segment s;
  s.from = config_.side;
  s.flags = flags;
  s.sequence = sequence;
  s.acknowledgement = (flags & A) != 0 ? expected_ : 0;
  s.length = length;
  const bool syn = (flags & S) != 0;
  const bool answers = syn && (flags & A) != 0;
  const int shift = syn || config_.scale < 0 || peer_scale_ < 0 ? 0 : config_.scale;
  const std::uint32_t open = config_.avoids_silly && window() < kMss ? 0 : window();
  s.window = static_cast<std::uint16_t>(std::min(open >> shift, 65535U));
  if (syn && !(answers && peer_scale_ < 0)) s.scale = config_.scale;
  s.sack = syn && config_.sack;
  out_.push_back(s);
}

bool Endpoint::may_send() const {
  return (state_ == State::open) && (!config_.wait_for_fin || fin_received_);
}

void Endpoint::send_new(Time now) {
  if (!may_send()) return;
  while (seq_before(next_, data_end())) {
    const std::uint32_t room = una_ + peer_window_ - next_;
    if (!seq_before(next_, una_ + peer_window_)) break;
    const std::uint32_t n = std::min({kMss, room, data_end() - next_});
    emit(A | tcp::kPsh, next_, static_cast<std::uint16_t>(n));
    next_ += n;
  }
  if (next_ == data_end() && !config_.keep_open) {
    emit(F, next_);
    ++next_;
    fin_sent_ = true;
  }
  if (seq_after(next_, max_)) max_ = next_;
  if (due_ == Time::max() && una_ != data_end() + 1) {
    timeout_ = kFirstTimeout;
    due_ = now + timeout_;
  }
}

void Endpoint::retransmit(Time now) {
  timeout_ = std::min(timeout_ * 2, kLastTimeout);
  due_ = now + timeout_;
  if (state_ == State::syn_sent) {
    if (config_.again_scale != 99) config_.scale = config_.again_scale;
    return emit(S, isn_);
  }
  if (state_ == State::syn_received) return emit(SA, isn_);
  if (state_ != State::open) {
    due_ = Time::max();
    return;
  }
  if (una_ == max_ && !(may_send() && seq_before(una_, data_end()))) {
    due_ = Time::max();
    return;
  }
  if (una_ == data_end()) return emit(F, una_);
  if (peer_window_ == 0) {  // a probe of a closed window (RFC 9293 3.8.6.1)
    emit(A, una_, 1);
    if (max_ == una_) max_ = next_ = una_ + 1;
    return;
  }
  next_ = una_;  // go back
  send_new(now);
}

void Endpoint::run(Time now) {
  clock_ = now;
  const bool reads = now < config_.stall_from || now >= config_.stall_until;
  if (reads && unread_ != 0) {
    const bool was_closed = window() < kMss;
    unread_ = 0;
    if (was_closed && state_ == State::open) acknowledge();
  }
  if (now >= due_) retransmit(now);
}

void Endpoint::take_data(const Segment& s) {
  const std::uint32_t base = peer_isn_ + 1;
  const bool syn = (s.flags & S) != 0;
  std::uint32_t start = s.sequence + (syn ? 1U : 0U);
  std::uint32_t end = start + s.length;
  if (syn && config_.ignore_syn_data) end = start;
  if ((s.flags & tcp::kFin) != 0) {
    fin_known_ = true;
    fin_at_ = end;
  }
  if (seq_after(end, expected_ + window())) {
    overrun_ += end - expected_ - window();
    end = expected_ + window();
  }
  if (seq_before(start, expected_)) start = expected_;
  if (seq_before(start, end)) {
    auto& until = early_[start - base];
    until = std::max(until, end - base);
  }
  while (!early_.empty() && early_.begin()->first <= expected_ - base) {
    const std::uint32_t until = early_.begin()->second;
    early_.erase(early_.begin());
    if (until <= expected_ - base) continue;
    const std::uint32_t n = until - (expected_ - base);
    expected_ += n;
    delivered_ += n;
    unread_ += n;
  }
  if (fin_known_ && !fin_received_ && expected_ == fin_at_) {
    ++expected_;
    fin_received_ = true;
  }
}

void Endpoint::take_ack(const Segment& s, Time now) {
  if (seq_after(s.acknowledgement, una_) && !seq_after(s.acknowledgement, max_)) {
    una_ = s.acknowledgement;
    if (seq_before(next_, una_)) next_ = una_;
    duplicates_ = 0;
    timeout_ = kFirstTimeout;
    due_ = una_ == max_ ? Time::max() : now + timeout_;
  } else if (s.acknowledgement == una_ && s.length == 0 && una_ != max_ && ++duplicates_ == 3) {
    const std::uint32_t n = std::min(kMss, data_end() - una_);
    if (seq_before(una_, data_end())) emit(A, una_, static_cast<std::uint16_t>(n));
  }
  if (!seq_before(s.acknowledgement, una_)) {
    const int shift = config_.scale < 0 || peer_scale_ < 0 ? 0 : peer_scale_;
    peer_window_ = static_cast<std::uint32_t>(s.window) << ((s.flags & S) != 0 ? 0 : shift);
  }
}

void Endpoint::receive_closed(const Segment& s) {
  if ((s.flags & R) != 0) return;
  Segment r;
  r.from = config_.side;
  if ((s.flags & A) != 0) {
    r.flags = R;
    r.sequence = s.acknowledgement;
  } else {
    r.flags = RA;
    r.acknowledgement = s.sequence + s.length + ((s.flags & (S | tcp::kFin)) != 0 ? 1U : 0U);
  }
  r.window = 0;
  out_.push_back(r);
}

void Endpoint::opened(const Segment& s, Time now) {
  peer_isn_ = s.sequence;
  expected_ = s.sequence + 1;
  peer_scale_ = s.scale;
  peer_window_ = s.window;
  take_data(s);
  timeout_ = std::chrono::seconds(1);
  due_ = now + timeout_;
}

void Endpoint::receive_syn_sent(const Segment& s, Time now) {
  const bool acks = (s.flags & A) != 0;
  if (acks && (!seq_after(s.acknowledgement, isn_) || seq_after(s.acknowledgement, max_))) {
    if ((s.flags & R) == 0) receive_closed(s);
    return;
  }
  if ((s.flags & R) != 0) {
    if (acks) state_ = State::closed;
    return;
  }
  if ((s.flags & S) == 0) return;
  opened(s, now);
  if (!acks) {
    state_ = State::syn_received;
    return emit(SA, isn_);
  }
  state_ = State::open;
  una_ = next_ = s.acknowledgement;
  due_ = Time::max();
  acknowledge();
  send_new(now);
}

void Endpoint::receive(const Segment& s, Time now) {
  clock_ = now;
  if (state_ == State::closed) return receive_closed(s);
  if (state_ == State::listen) {
    if ((s.flags & R) != 0) return;
    if ((s.flags & A) != 0) return receive_closed(s);
    if ((s.flags & S) == 0) return;
    opened(s, now);
    max_ = next_ = isn_ + 1;
    state_ = State::syn_received;
    return emit(SA, isn_);
  }
  if (state_ == State::syn_sent) return receive_syn_sent(s, now);

  const std::uint32_t length =
      s.length + ((s.flags & S) != 0 ? 1U : 0U) + ((s.flags & tcp::kFin) != 0 ? 1U : 0U);
  const std::uint32_t last = s.sequence + (length == 0 ? 0 : length - 1);
  const auto inside = [&](std::uint32_t at) {
    return !seq_before(at, expected_) && seq_before(at, expected_ + std::max(window(), 1U));
  };
  if (!inside(s.sequence) && !inside(last)) {
    // A new connection may take the place of one in TIME-WAIT (RFC 9293 3.6.1).
    if (state_ == State::time_wait && (s.flags & (S | A)) == S &&
        seq_after(s.sequence, expected_)) {
      reset(max_ + 250000);
      state_ = State::listen;
      return receive(s, now);
    }
    if ((s.flags & R) == 0) acknowledge();
    if (state_ == State::syn_received && (s.flags & SA) == SA && s.acknowledgement == max_) {
      state_ = State::open;  // simultaneous open
      take_ack(s, now);
      send_new(now);
    } else if ((s.flags & A) != 0 && state_ == State::open) {
      take_ack(s, now);
    }
    return;
  }
  if ((s.flags & R) != 0) {
    if (s.sequence != expected_) return acknowledge();  // RFC 5961 3.2
    state_ = State::closed;
    due_ = Time::max();
    return;
  }
  if ((s.flags & S) != 0) return acknowledge();
  if ((s.flags & A) == 0) return;
  if (state_ == State::syn_received) {
    if (!seq_after(s.acknowledgement, isn_) || seq_after(s.acknowledgement, max_))
      return receive_closed(s);
    state_ = State::open;
    due_ = Time::max();
  }
  if (seq_after(s.acknowledgement, max_)) return acknowledge();
  take_ack(s, now);
  if (length != 0) {
    take_data(s);
    acknowledge();
  }
  if (delivered_ >= config_.abort_after) return abort();
  send_new(now);
  if (fin_received_ && all_acknowledged() && state_ == State::open) {
    // Who closed first waits; a FIN that came after ours was acknowledged, or crossed it.
    ended_well_ = true;
    state_ = config_.wait_for_fin ? State::closed : State::time_wait;
    due_ = Time::max();
  }
}

bool Endpoint::needs(const Segment& s) const {
  // The acknowledgement of what comes late is late as well: a newer one is on its way.
  const std::uint32_t length = s.length + ((s.flags & (S | tcp::kFin)) != 0 ? 1U : 0U);
  return length != 0 && seq_after(s.sequence + length, expected_);
}

std::vector<Segment> Endpoint::take() {
  return std::exchange(out_, {});
}

}  // namespace mitibox::test

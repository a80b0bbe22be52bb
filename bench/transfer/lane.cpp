// SPDX-License-Identifier: BSD-3-Clause
#include "lane.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mitibox::relay {

namespace {

constexpr int kBuffer = 64 << 20;
/// How long a full interface is left alone.
constexpr std::chrono::microseconds kPause(100);

template <typename T>
void set(int socket, int level, int option, const T& value) {
  if (setsockopt(socket, level, option, &value, sizeof value) != 0)
    throw std::system_error(errno, std::generic_category(), "setsockopt");
}

}  // namespace

Interface::Interface(std::string name)
    : name_(std::move(name)), socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0)) {
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "AF_PACKET socket");
  const auto index = static_cast<int>(if_nametoindex(name_.c_str()));
  if (index == 0) throw std::system_error(errno, std::generic_category(), name_);
  set(socket_, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  set(socket_, SOL_SOCKET, SO_RCVBUFFORCE, kBuffer);
  set(socket_, SOL_SOCKET, SO_SNDBUFFORCE, kBuffer);
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = index;
  if (bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    throw std::system_error(errno, std::generic_category(), name_);
  packet_mreq all{};
  all.mr_ifindex = index;
  all.mr_type = PACKET_MR_PROMISC;
  set(socket_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, all);
}

Interface::~Interface() {
  close(socket_);
}

Lane::Lane(const Interface& from, const Interface& to, const Conditions& conditions,
           std::uint64_t seed)
    : from_(from),
      to_(to),
      conditions_(conditions),
      dice_(seed),
      frames_((std::size_t{conditions.slots} + 1) * kFrame),
      held_(conditions.slots) {}

void Lane::work() {
  take();
  release();
}

void Lane::take() {
  const std::uint64_t room = conditions_.slots - (tail_ - head_);
  const auto count = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(room, 1, kBatch));
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint8_t* place =
        room == 0 ? frames_.data() + std::size_t{conditions_.slots} * kFrame : frame(tail_ + i);
    parts[i] = {place, kFrame};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = recvmmsg(from_.socket(), messages.data(), count, MSG_DONTWAIT, nullptr);
  if (got <= 0) return;
  if (room == 0) {
    full_ += static_cast<std::uint64_t>(got);
    return;
  }
  const Clock::time_point now = Clock::now();
  std::bernoulli_distribution vanishes(conditions_.loss);
  std::uniform_int_distribution<std::int64_t> longer(0, conditions_.jitter.count());
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(got); ++i, ++tail_) {
    const auto due = now + conditions_.delay + std::chrono::nanoseconds(longer(dice_));
    last_due_ = std::max(last_due_, due);
    const bool oversized = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    const bool lost = !oversized && vanishes(dice_);
    oversized_ += oversized ? 1 : 0;
    lost_ += lost ? 1 : 0;
    held_[tail_ % conditions_.slots] = {last_due_, oversized || lost ? 0 : messages[i].msg_len};
  }
}

void Lane::release() {
  const Clock::time_point now = Clock::now();
  while (head_ != tail_ && now >= retry_) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> parts{};
    std::array<std::uint64_t, kBatch> numbers{};
    std::uint32_t count = 0;
    std::uint64_t at = head_;
    for (; at != tail_ && count < kBatch && held_[at % conditions_.slots].due <= now; ++at) {
      const Held& held = held_[at % conditions_.slots];
      if (held.size == 0) continue;
      parts[count] = {frame(at), held.size};
      messages[count].msg_hdr.msg_iov = &parts[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      numbers[count++] = at;
    }
    if (count == 0) {
      head_ = at;
      return;
    }
    const int sent = sendmmsg(to_.socket(), messages.data(), count, MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
      ++refused_;  // the link is down, or the frame longer than its MTU
      head_ = numbers[0] + 1;
      continue;
    }
    const auto gone = static_cast<std::uint32_t>(std::max(sent, 0));
    forwarded_ += gone;
    head_ = gone == count ? at : numbers[gone];
    if (gone == 0) retry_ = now + kPause;
  }
}

std::optional<Clock::time_point> Lane::next() const {
  if (head_ == tail_) return std::nullopt;
  return std::max(held_[head_ % conditions_.slots].due, retry_);
}

std::string Lane::report() const {
  return fmt::format(
      R"({{"from": "{}", "to": "{}", "forwarded": {}, "lost": {}, "full": {}, "oversized": {}, "refused": {}}})",
      from_.name(), to_.name(), forwarded_, lost_, full_, oversized_, refused_);
}

}  // namespace mitibox::relay

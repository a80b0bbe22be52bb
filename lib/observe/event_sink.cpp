// SPDX-License-Identifier: BSD-3-Clause
#include "observe/event_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mitibox {

EventSink::~EventSink() {
  if (fd_ >= 0) ::close(fd_);
}

bool EventSink::put(std::string_view line) {
  if (pending_.size() + line.size() + 1 > kPending) return false;
  pending_.append(line).push_back('\n');
  return true;
}

std::string EventSink::flush(Time now) {
  if (!checked_ever_ || now - checked_ >= kCheck) {
    checked_ever_ = true;
    checked_ = now;
    check();
  }
  if (fd_ >= 0 && !pending_.empty()) write();
  if (error_ == told_) return {};
  told_ = error_;
  if (error_ == 0) return fmt::format("events are written to {} again", path_);
  return fmt::format("cannot write events to {}: {}{}; what finds no room is lost, and counted",
                     path_, std::strerror(error_), error_ == EFBIG ? ", rename it" : "");
}

void EventSink::abandon() {
  if (fd_ >= 0) close();
  abandoned_ += static_cast<std::size_t>(std::count(pending_.begin(), pending_.end(), '\n'));
  pending_.clear();
}

void EventSink::check() {
  if (kind_ == Kind::file && fd_ >= 0) {
    measure();
    struct stat there {};
    struct stat open {};
    if (::stat(path_.c_str(), &there) != 0 || ::fstat(fd_, &open) != 0 ||
        there.st_ino != open.st_ino || there.st_dev != open.st_dev) {
      if (!pending_.empty()) write();
      close();
    }
  }
  if (fd_ < 0) open();
}

void EventSink::open() {
  if (kind_ == Kind::file) {
    constexpr int kFlags =
        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    fd_ = ::open(path_.c_str(), kFlags, 0640);
    error_ = fd_ < 0 ? errno : 0;
    measure();
    return;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), std::min(path_.size(), sizeof address.sun_path - 1));
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  error_ = 0;
  if (fd_ >= 0 && ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return;
  error_ = errno;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

/// What comes next starts with a whole line.
void EventSink::close() {
  ::close(fd_);
  fd_ = -1;
  if (!within_line_) return;
  pending_.erase(0, pending_.find('\n') + 1);
  within_line_ = false;
  ++torn_;
}

/// Others may write it too, or cut it.
void EventSink::measure() {
  struct stat s {};
  if (fd_ >= 0 && ::fstat(fd_, &s) == 0) size_ = static_cast<std::uintmax_t>(s.st_size);
}

void EventSink::write() {
  if (kind_ == Kind::file && size_ >= largest_) {
    error_ = EFBIG;
    return;
  }
  const ssize_t n = kind_ == Kind::file
                        ? ::write(fd_, pending_.data(), pending_.size())
                        : ::send(fd_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
  if (n > 0) {
    const auto done = static_cast<std::size_t>(n);
    size_ += done;
    within_line_ = pending_[done - 1] != '\n';
    pending_.erase(0, done);
    error_ = 0;
    return;
  }
  if (errno == EAGAIN || errno == EINTR) return;  // a reader that is slow
  error_ = errno;
  if (kind_ == Kind::socket) close();
}

}  // namespace mitibox

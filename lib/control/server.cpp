// SPDX-License-Identifier: BSD-3-Clause
#include "control/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace mitibox {

namespace {

constexpr int kPause = 100;  ///< ms, when no connection can be accepted

void name_thread(const char* name) {
  pthread_setname_np(pthread_self(), name);
}

}  // namespace

ControlServer::Connection::~Connection() {
  // Every wait of its thread ends.
  shutdown(socket, SHUT_RDWR);
  if (thread.joinable()) thread.join();
  close(socket);
}

ControlServer::ControlServer(Box& box, Config config)
    : box_(box),
      config_(std::move(config)),
      listener_(config_.path),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (stop_ < 0)
    throw std::runtime_error(fmt::format("--control: eventfd: {}", std::strerror(errno)));
  thread_ = std::thread([this] { accept_all(); });
}

ControlServer::~ControlServer() {
  eventfd_write(stop_, 1);
  thread_.join();
  close(stop_);
}

void ControlServer::accept_all() {
  name_thread("mitibox-control");
  std::array<pollfd, 2> wanted{{{listener_.fd(), POLLIN, 0}, {stop_, POLLIN, 0}}};
  while (wanted[1].revents == 0) {
    if (poll(wanted.data(), wanted.size(), -1) < 0 || wanted[0].revents == 0) continue;
    const int socket = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0)
      admit(socket);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
      poll(&wanted[1], 1, kPause);  // out of descriptors, say: they come back
  }
  connections_.clear();
}

void ControlServer::admit(int socket) {
  connections_.remove_if([](const Connection& c) { return c.over.load(); });
  Connection& c = connections_.emplace_back(socket);
  try {
    if (connections_.size() > config_.connections) {
      Caller(socket, config_.limits)
          .send({{"error", fmt::format("{} connections are open already; try again later",
                                       config_.connections)}});
      connections_.pop_back();
      return;
    }
    c.thread = std::thread([this, &c] { serve(c); });
  } catch (const std::exception&) {  // it has gone, or there are no more threads
    connections_.pop_back();
  }
}

void ControlServer::serve(Connection& connection) {
  name_thread("mitibox-caller");
  Caller caller(connection.socket, config_.limits);
  try {
    try {
      if (!caller.same_user()) throw ControlError("only the user of the box may ask");
      while (const auto line = caller.next()) answer(caller, *line);
    } catch (const ControlError& e) {
      caller.send({{"error", e.what()}});
    }
  } catch (const std::exception&) {  // it has gone
  }
  shutdown(connection.socket, SHUT_RDWR);
  connection.over = true;
}

void ControlServer::answer(Caller& caller, const std::string& line) {
  Json reply;
  try {
    reply["done"] = run_request(box_, config_.commands, line, [&](const Json& row) {
      caller.send({{"row", row}});
    });
  } catch (const Caller::Gone&) {
    throw;
  } catch (const std::exception& e) {
    reply = {{"error", e.what()}};
  }
  caller.send(reply);
}

}  // namespace mitibox

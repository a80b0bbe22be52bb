// SPDX-License-Identifier: BSD-3-Clause
/// Answers commands on a UNIX socket: one thread accepts, one for each connection runs its
/// commands.
#pragma once

#include <atomic>
#include <list>
#include <span>
#include <string>
#include <thread>

#include "control/caller.hpp"
#include "control/command.hpp"
#include "control/listener.hpp"

namespace mitibox {

/// Made and destroyed by one thread, whose affinity its threads take over.
class ControlServer {
 public:
  struct Config {
    std::string path;
    Caller::Limits limits = {};
    unsigned connections = 16;  ///< at a time; more are told so, and closed
    std::span<const Command> commands = mitibox::commands();
  };

  /// From now on commands run, in threads of this server's. `box` must outlive it. Throws
  /// std::runtime_error as Listener does.
  ControlServer(Box& box, Config config);
  /// Ends all connections, and waits for the commands that run.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  [[nodiscard]] const std::string& path() const { return listener_.path(); }

 private:
  struct Connection {
    explicit Connection(int s) : socket(s) {}
    ~Connection();
    int socket;
    std::atomic<bool> over = false;  ///< its thread: wo; the accepting thread: ro
    std::thread thread;
  };

  void accept_all();
  void admit(int socket);
  void serve(Connection& connection);
  void answer(Caller& caller, const std::string& line);

  Box& box_;
  Config config_;
  Listener listener_;
  int stop_;                           ///< eventfd
  std::list<Connection> connections_;  ///< the accepting thread's
  std::thread thread_;
};

}  // namespace mitibox

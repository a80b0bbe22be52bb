// SPDX-License-Identifier: BSD-3-Clause
/// A client of the box's control socket.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace mitibox::ctl {

using Json = nlohmann::ordered_json;

/// One connection. Errors are std::runtime_error with a sentence for the operator.
class Client {
 public:
  using Patience = std::chrono::milliseconds;

  /// `patience`: how long the box may be silent.
  explicit Client(const std::string& path, Patience patience = std::chrono::minutes(1));
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Gives `row` each row, and returns what the box is done with.
  Json ask(const std::string& command, const Json& arguments,
           const std::function<void(const Json& row)>& row);

 private:
  void send(const std::string& line);
  std::string receive();

  int socket_;
  Patience patience_;
  std::string buffer_;  ///< received, not yet returned
};

}  // namespace mitibox::ctl

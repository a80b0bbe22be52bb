// SPDX-License-Identifier: BSD-3-Clause
/// A client of rte_telemetry's UNIX socket.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace mitibox {

/// One connection to the box that runs under this file prefix. Errors are std::runtime_error with
/// a sentence for the operator.
class TelemetryClient {
 public:
  explicit TelemetryClient(const std::string& file_prefix);
  ~TelemetryClient();
  TelemetryClient(const TelemetryClient&) = delete;
  TelemetryClient& operator=(const TelemetryClient&) = delete;

  /// What stands under the command's name in the reply.
  nlohmann::json ask(const std::string& command, const std::string& parameter = "");

 private:
  std::string receive();
  int socket_ = -1;
  std::size_t longest_ = 0;  ///< bytes of the longest reply, as the box said at the start
};

}  // namespace mitibox

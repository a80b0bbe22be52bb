// SPDX-License-Identifier: BSD-3-Clause
/// What of HTTP/1.1 (RFC 9112) the box understands: a GET without a body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mitibox {

struct HttpRequest {
  static constexpr std::size_t kMost = 4096;  ///< bytes of a request, its headers included

  /// What is known of the bytes that a client has sent so far.
  enum class State { partial, whole, refused };
  State state = State::partial;
  int status = 0;            ///< refused: why, as HTTP puts it
  std::string_view target;   ///< whole: without its query; points into the bytes
  std::size_t size = 0;      ///< whole: bytes that were its
  bool keeps_alive = false;  ///< whole: more may follow on this connection
};

/// Requests have to name one of `names`, an address or localhost, each with any port: a page of
/// somebody else whose name leads here asks for his own name (DNS rebinding).
HttpRequest parse_http_request(std::string_view bytes, const std::vector<std::string>& names);

}  // namespace mitibox

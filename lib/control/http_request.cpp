// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_request.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "packet/address.hpp"

namespace mitibox {

namespace {

constexpr int kBadRequest = 400;
constexpr int kMethodNotAllowed = 405;
constexpr int kMisdirected = 421;
constexpr int kTooLarge = 431;
constexpr int kVersion = 505;

HttpRequest refused(int status) {
  HttpRequest r;
  r.state = HttpRequest::State::refused;
  r.status = status;
  return r;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes the next line off, without its end.
std::string_view line_of(std::string_view& bytes) {
  const auto end = bytes.find("\r\n");
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return line;
}

bool is_ours(std::string_view host, const std::vector<std::string>& names) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == host.npos) return false;
    const auto a = parse_address(host.substr(1, end - 1));
    return a && !a->is_v4() && (end + 1 == host.size() || host[end + 1] == ':');
  }
  const std::string name = lower(host.substr(0, host.find(':')));
  return name == "localhost" || parse_address(name) ||
         std::find(names.begin(), names.end(), name) != names.end();
}

/// The header fields that decide anything.
struct Fields {
  std::optional<std::string_view> host;
  bool closes = false;
  bool keeps = false;  ///< HTTP/1.0 asks for it
};

/// What is wrong with them, as a status; 0: nothing.
int read_fields(std::string_view bytes, Fields& fields) {
  while (!bytes.empty()) {
    const std::string_view line = line_of(bytes);
    if (line.empty()) break;
    const auto colon = line.find(':');
    // No name, a space before the colon, a folded line: RFC 9112, 5.1 and 5.2.
    if (colon == line.npos || colon == 0 || line.substr(0, colon).find_first_of(" \t") != line.npos)
      return kBadRequest;
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "host") {
      if (fields.host) return kBadRequest;  // RFC 9112, 3.2
      fields.host = value;
    } else if (name == "connection") {
      fields.closes |= lower(value).find("close") != std::string::npos;
      fields.keeps |= lower(value).find("keep-alive") != std::string::npos;
    } else if (name == "transfer-encoding" || (name == "content-length" && value != "0")) {
      return kBadRequest;  // a body, which nobody would read
    }
  }
  return 0;
}

}  // namespace

HttpRequest parse_http_request(std::string_view bytes, const std::vector<std::string>& names) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos || end + 4 > HttpRequest::kMost)
    return bytes.size() >= HttpRequest::kMost ? refused(kTooLarge) : HttpRequest{};
  std::string_view rest = bytes.substr(0, end + 4);
  if (rest.find('\0') != rest.npos) return refused(kBadRequest);

  const std::string_view line = line_of(rest);
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  if (method_end == line.npos || target_end == method_end) return refused(kBadRequest);
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  const std::string_view version = line.substr(target_end + 1);
  if (!target.starts_with('/') || target.find(' ') != target.npos) return refused(kBadRequest);
  const bool old = version == "HTTP/1.0";
  if (!old && version != "HTTP/1.1")
    return refused(version.starts_with("HTTP/") ? kVersion : kBadRequest);
  if (line.substr(0, method_end) != "GET") return refused(kMethodNotAllowed);

  Fields fields;
  if (const int wrong = read_fields(rest, fields); wrong != 0) return refused(wrong);
  if (!fields.host) return refused(kBadRequest);
  if (!is_ours(*fields.host, names)) return refused(kMisdirected);

  HttpRequest r;
  r.state = HttpRequest::State::whole;
  r.target = target.substr(0, target.find('?'));
  r.size = end + 4;
  r.keeps_alive = !fields.closes && (!old || fields.keeps);
  return r;
}

}  // namespace mitibox

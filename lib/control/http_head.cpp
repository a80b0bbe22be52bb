// SPDX-License-Identifier: BSD-3-Clause
#include "control/http_head.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace mitibox {

namespace {

struct Status {
  int number;
  std::string_view name;
};
constexpr Status kStatuses[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {421, "Misdirected Request"},
    {431, "Request Header Fields Too Large"},
    {505, "HTTP Version Not Supported"},
    {500, "Internal Server Error"},
};

const Status& status_of(int number) {
  const auto* at = std::find_if(std::begin(kStatuses), std::end(kStatuses),
                                [&](const Status& s) { return s.number == number; });
  return at == std::end(kStatuses) ? std::end(kStatuses)[-1] : *at;
}

constexpr std::string_view kAlways =
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n";

}  // namespace

std::string http_head(const HttpAnswer& answer, bool closes) {
  const Status& status = status_of(answer.status);
  return fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\nContent-Type: {}\r\n"
      "Content-Length: {}\r\n{}{}{}\r\n",
      status.number, status.name, fmt::gmtime(std::time(nullptr)), answer.type, answer.body->size(),
      closes ? "Connection: close\r\n" : "", status.number == 405 ? "Allow: GET\r\n" : "", kAlways);
}

HttpAnswer http_error(int number) {
  const Status& status = status_of(number);
  return {status.number, "text/plain; charset=utf-8",
          std::make_shared<const std::string>(fmt::format("{} {}\n", status.number, status.name))};
}

}  // namespace mitibox

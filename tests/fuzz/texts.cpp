// SPDX-License-Identifier: BSD-3-Clause
// Two texts from outside: HTTP requests, and the XML that nmap writes.
#include <cstring>

#include "control/http_request.hpp"
#include "lab.hpp"
#include "ruleset/nmap_scan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1U) != 0) {
    static const std::vector<std::string> names{"box.example"};
    const HttpRequest r = parse_http_request(text, names);
    if (r.state == HttpRequest::State::whole) {
      fuzz::must(r.size <= text.size() && r.size <= HttpRequest::kMost, "a request is bounded");
      fuzz::must(r.target.data() >= text.data() &&
                     r.target.data() + r.target.size() <= text.data() + r.size,
                 "its target lies within it");
      // However it comes in, it is the same request.
      fuzz::must(parse_http_request(text.substr(0, r.size), names).state == r.state,
                 "what follows a request does not change it");
      fuzz::must(parse_http_request(text.substr(0, r.size - 1), names).state ==
                     HttpRequest::State::partial,
                 "a request ends where it says");
    }
    return 0;
  }
  try {
    const NmapScan scan = parse_nmap_scan(text, "scan.xml");
    fuzz::must(scan.open.size() <= text.size(), "no more is found than was read");
  } catch (const ScanError& e) {
    fuzz::must(*e.what() != 0 && std::strchr(e.what(), '\n') == nullptr, "a message is a line");
  }
  return 0;
}

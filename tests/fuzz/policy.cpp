// SPDX-License-Identifier: BSD-3-Clause
// Policy files: a policy that can be described and used, or one line that says what is wrong.
#include <cstring>

#include "lab.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mitibox;
  static const Policy other;
  try {
    const Policy p = parse_policy({reinterpret_cast<const char*>(data), size}, "policy.json");
    fuzz::must(!p.protected_prefixes.empty(), "a policy protects something");
    fuzz::must(!describe(p).empty(), "a policy can be described");
    fuzz::must(needs_restart(p, p).empty(), "a policy is like itself");
    needs_restart(other, p);
    warnings(p);
    Chain::memory_bytes(p, 2);
  } catch (const PolicyError& e) {
    fuzz::must(*e.what() != 0 && std::strchr(e.what(), '\n') == nullptr, "a message is a line");
  }
  return 0;
}

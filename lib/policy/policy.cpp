// SPDX-License-Identifier: BSD-3-Clause
#include "policy/policy.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file.hpp"
#include "policy/document.hpp"
#include "policy/sections.hpp"
#include "policy/text.hpp"
#include "policy/validate.hpp"
#include "policy/value.hpp"

namespace mitibox {

namespace {

[[noreturn]] void unreadable(const std::string& name, int error) {
  throw PolicyError(fmt::format("{}: cannot be read: {}", policy_text::printable(name, kMaxName),
                                std::strerror(error)));
}

Policy parse(std::string_view text, std::string_view name) {
  const nlohmann::json document = read_document(text, name);
  const Value root(document, {name, ""});
  Policy p = read_policy(root);
  validate(p, root);
  std::sort(p.services.begin(), p.services.end(),
            [](const Service& a, const Service& b) { return a.address < b.address; });
  return p;
}

}  // namespace

Policy parse_policy(std::string_view json, std::string_view name) {
  try {
    return parse(json, name);
  } catch (const PolicyError&) {
    throw;
  } catch (const std::exception& e) {  // memory; anything else would be a mistake here
    throw PolicyError(fmt::format("{}: cannot be used: {}", policy_text::printable(name, kMaxName),
                                  policy_text::printable(e.what(), 200)));
  }
}

Policy load_policy(const std::filesystem::path& file) {
  const std::string name = file.string();
  const File f(name.c_str());
  if (f.fd() < 0) unreadable(name, errno);
  std::string bytes;
  // By chunks: the file may be a pipe, or endless.
  while (bytes.size() <= kMaxPolicyBytes) {
    char chunk[16384];
    const ssize_t n = ::read(f.fd(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) unreadable(name, errno);
    if (n == 0) break;
    bytes.append(chunk, static_cast<std::size_t>(n));
  }
  return parse_policy(bytes, name);
}

}  // namespace mitibox

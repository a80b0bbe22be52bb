// SPDX-License-Identifier: BSD-3-Clause
#include "policy/finding.hpp"

#include <fmt/format.h>

#include <map>

#include "policy/text.hpp"

namespace mitibox {

namespace {

constexpr Seconds kLongest = std::chrono::hours(366 * 24);
constexpr Seconds kLongLearning = std::chrono::hours(31 * 24);
constexpr std::size_t kMaxImports = 16;
constexpr unsigned kMostPrefixes = 8;
constexpr std::uint32_t kManyPorts = 1024;

constexpr Key<Policy::Learn> kLearnKeys[] = {
    {"for", [](const Value& v, Policy::Learn& l) { l.length = v.duration(Seconds(0), kLongest); }},
    {"ports", [](const Value& v, Policy::Learn& l) { l.ports = v.port_list(); }},
    {"share", [](const Value& v, Policy::Learn& l) { l.share = v.share(); }},
    {"prefixes",
     [](const Value& v, Policy::Learn& l) { l.prefixes = v.integer(1, kMostPrefixes); }},
    {"expire",
     [](const Value& v, Policy::Learn& l) { l.expire = v.duration(Seconds(1), kLongest); }},
};

constexpr Key<Policy::Import> kImportKeys[] = {
    {"file", [](const Value& v, Policy::Import& i) { i.file = v.path(); }},
    {"every", [](const Value& v, Policy::Import& i) { i.every = v.duration(); }},
    {"expire",
     [](const Value& v, Policy::Import& i) { i.expire = v.duration(Seconds(1), kLongest); }},
};

std::uint32_t count(const std::vector<PortRange>& ranges) {
  std::uint32_t n = 0;
  for (const PortRange& r : ranges) n += 1U + r.last - r.first;
  return n;
}

}  // namespace

void read_learn(const Value& object, Policy& policy) {
  read_object(object, policy.learn, kLearnKeys);
}

void list_learn_keys(const std::string& prefix, std::vector<std::string>& keys) {
  list_keys(kLearnKeys, prefix, keys);
}

void read_imports(const Value& list, Policy& policy) {
  for (const Value& v : list.elements("imports", kMaxImports)) {
    read_object(v, policy.imports.emplace_back(), kImportKeys);
    if (!v.json().contains("file"))
      throw_policy_error(v.place_of("file"), "nothing", "the file that nmap -oX writes");
  }
}

void list_import_keys(const std::string& prefix, std::vector<std::string>& keys) {
  list_keys(kImportKeys, prefix + "/*", keys);
}

void check_finding(const Policy& p, const Value& document) {
  if (p.learn.length.count() != 0) {
    const Value learn = document.member("learn");
    const Value length = learn.member("for");
    if (p.admission != Policy::Admission::handshake)
      length.refuse(
          "\"0s\" with \"admission\": \"forward\": only with \"handshake\" does a source prove "
          "itself before a host hears of it");
    if (p.reply.surface != Policy::Surface::open)
      length.refuse(
          "\"0s\" with \"reply\": {\"surface\": \"sparse\"}: at a port that looks closed nobody "
          "completes the handshake that teaches");
    if (p.learn.ports.empty())
      throw_policy_error(learn.place_of("ports"), "nothing",
                         "the TCP ports at which services may be learned");
  }
  if (p.imports.empty()) return;
  const auto values = document.member("import").elements("", kMaxImports);
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value file = values[i].member("file");
    const auto [known, added] = seen.emplace(p.imports[i].file, file.pointer());
    if (!added) file.refuse(fmt::format("each only once; it stands at {} already", known->second));
  }
}

void warn_of_finding(const Policy& p, std::vector<std::string>& out) {
  for (const Policy::Import& i : p.imports)
    if (i.expire <= i.every)
      out.push_back(
          fmt::format("import {}: looked at every {}, but what a scan found expires {} "
                      "after it began",
                      policy_text::printable(i.file), policy_text::to_string(i.every),
                      policy_text::to_string(i.expire)));
  const Policy::Learn& l = p.learn;
  if (l.length.count() == 0) return;
  if (const auto ports = count(l.ports); ports > kManyPorts)
    out.push_back(
        fmt::format("learn.ports: {} ports; while learning lasts hosts are called for guesses at "
                    "each, and whatever answers there to strangers becomes a service",
                    ports));
  if (l.length > kLongLearning)
    out.push_back(fmt::format("learn.for {}: as long as it lasts guesses reach hosts",
                              policy_text::to_string(l.length)));
  if (l.share == 0) out.emplace_back("learn.share 0: nobody is tried, and nothing is learned");
  if (l.prefixes == 1)
    out.emplace_back(
        "learn.prefixes 1: one stranger who guesses right makes a service of what he found");
  if (p.state.save_every.count() == 0)
    out.emplace_back(
        "learn with state.save_every \"0s\": what is learned ends with the process, and learning "
        "begins anew");
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
// The registry as text of the state file, and back.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "ruleset/registry.hpp"
#include "ruleset/teaching_prefix.hpp"

namespace mitibox {

namespace {

using Json = nlohmann::ordered_json;
using State = FoundService::State;

constexpr std::size_t kMostText = std::size_t{64} << 20U;
/// Year 2100: beyond it no clock was right.
constexpr std::int64_t kLastMoment = 4'102'444'800;

constexpr std::pair<const char*, State> kStates[] = {
    {"normal", State::normal}, {"pinned", State::pinned}, {"refused", State::refused}};

/// What is wrong with the text.
class Wrong : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::int64_t seconds(Date t) {
  return t.time_since_epoch().count();
}

const Json& member(const Json& object, const char* name) {
  if (!object.is_object()) throw Wrong("found what is no object");
  const auto at = object.find(name);
  if (at == object.end()) throw Wrong(fmt::format("lacks \"{}\"", name));
  return *at;
}

std::uint64_t number(const Json& object, const char* name, std::uint64_t most) {
  const Json& v = member(object, name);
  if (!v.is_number_unsigned() || v.get<std::uint64_t>() > most)
    throw Wrong(fmt::format("\"{}\" is no whole number up to {}", name, most));
  return v.get<std::uint64_t>();
}

Date time(const Json& object, const char* name) {
  return Date(std::chrono::seconds(
      static_cast<std::int64_t>(number(object, name, std::uint64_t{kLastMoment}))));
}

std::string text(const Json& object, const char* name) {
  const Json& v = member(object, name);
  if (!v.is_string()) throw Wrong(fmt::format("\"{}\" is no text", name));
  return v.get<std::string>();
}

Address address(const std::string& said) {
  const auto a = said.find('\0') == said.npos ? parse_address(said) : std::nullopt;
  if (!a) throw Wrong("a member is no address");
  return *a;
}

const Json& list(const Json& object, const char* name, std::size_t most) {
  const Json& v = member(object, name);
  if (!v.is_array() || v.size() > most)
    throw Wrong(fmt::format("\"{}\" is no list of at most {}", name, most));
  return v;
}

Json write(const Destination& d) {
  return {{"address", to_string(d.address)},
          {"port", d.port},
          {"protocol", d.protocol == protocol::kUdp ? "udp" : "tcp"}};
}

Destination read_destination(const Json& v) {
  Destination d;
  d.address = address(text(v, "address"));
  d.port = static_cast<std::uint16_t>(number(v, "port", 65535));
  const std::string kind = text(v, "protocol");
  if (d.port == 0 || (kind != "tcp" && kind != "udp"))
    throw Wrong("an entry has neither a TCP nor a UDP port");
  d.protocol = kind == "udp" ? protocol::kUdp : protocol::kTcp;
  return d;
}

FoundService read_entry(const Json& v) {
  FoundService e;
  const std::string state = text(v, "state");
  const auto* const row = std::find_if(std::begin(kStates), std::end(kStates),
                                       [&](auto& s) { return state == s.first; });
  if (row == std::end(kStates)) throw Wrong("an entry has a state that is not known");
  e.state = row->second;
  e.prefixes = static_cast<std::uint8_t>(number(v, "prefixes", Registry::kPrefixesMost));
  e.first_seen = time(v, "first_seen");
  e.last_seen = time(v, "last_seen");
  e.hits = number(v, "hits", std::numeric_limits<std::uint64_t>::max());
  e.file = text(v, "file");
  if (e.file.size() > Registry::kFileName) throw Wrong("a file's name is too long");
  if (!e.imported()) return e;
  e.scanned = time(v, "scanned");
  e.scan_expires = time(v, "scan_expires");
  return e;
}

}  // namespace

std::string Registry::save() const {
  Json entries = Json::array();
  for (const auto& [destination, e] : entries_) {
    Json row = write(destination);
    row["state"] = kStates[static_cast<std::size_t>(e.state)].first;
    row["prefixes"] = e.prefixes;
    row["first_seen"] = seconds(e.first_seen);
    row["last_seen"] = seconds(e.last_seen);
    row["hits"] = e.hits;
    row["file"] = e.file;
    if (e.imported()) {
      row["scanned"] = seconds(e.scanned);
      row["scan_expires"] = seconds(e.scan_expires);
    }
    entries.push_back(std::move(row));
  }
  Json candidates = Json::array();
  for (const auto& [destination, candidate] : candidates_) {
    Json row = write(destination);
    Json& prefixes = row["prefixes"] = Json::array();
    for (const Address& p : candidate.prefixes) prefixes.push_back(to_string(p));
    candidates.push_back(std::move(row));
  }
  Json all{{"version", kVersion}};
  if (since_) all["learning_since"] = seconds(*since_);
  all["entries"] = std::move(entries);
  all["candidates"] = std::move(candidates);
  return all.dump();
}

std::string Registry::restore(std::string_view said) {
  if (said.size() > kMostText) return "found more than 64 MiB";
  const Json all = Json::parse(said, nullptr, false);
  if (all.is_discarded()) return "found what is not JSON";
  Entries entries;
  Candidates candidates;
  std::optional<Date> since;
  try {
    if (const auto v = number(all, "version", UINT32_MAX); v != kVersion)
      return fmt::format("found layout {}, expected {}", v, kVersion);
    if (all.contains("learning_since")) since = time(all, "learning_since");
    for (const Json& v : list(all, "entries", kEntries))
      entries.insert_or_assign(read_destination(v), read_entry(v));
    for (const Json& v : list(all, "candidates", kCandidates)) {
      Candidate& c = candidates[read_destination(v)];
      for (const Json& p : list(v, "prefixes", kPrefixesMost)) {
        if (!p.is_string()) throw Wrong("a member is no address");
        c.prefixes.push_back(teaching_prefix(address(p.get<std::string>())));
      }
    }
  } catch (const Wrong& e) {
    return e.what();
  }
  entries_ = std::move(entries);
  candidates_ = std::move(candidates);
  since_ = since;
  return {};
}

}  // namespace mitibox

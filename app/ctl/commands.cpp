// SPDX-License-Identifier: BSD-3-Clause
#include "commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iterator>
#include <optional>
#include <sstream>

namespace mitibox::ctl {

namespace {

constexpr Command kCommands[] = {
    {"status", "", "what runs, under which policy, how full its tables are, and what is amiss"},
    {"stats", "", "every counter that is not 0; --watch: how fast they grow"},
    {"explain", "ADDRESS [PORT[/udp]] [to DESTINATION]",
     "how far a source is distrusted, until when, and on what evidence; with a PORT (or echo), "
     "what an attempt of its would meet now, and why"},
    {"sources", "[limit N]", "proven sources, the most distrusted first (100)", true},
    {"connections", "[ADDRESS] [port PORT] [state STATE] [limit N]",
     "tracked connections (1000), of an address or port of either end, or in a state", true},
    {"distrust", "ADDRESS [for DURATION]",
     "distrusts a source from now on, for as long as the policy says or for 90s, 10m, 2d"},
    {"reload", "[FILE]",
     "puts another policy in force: that of FILE, or of the file it was read from; nothing that is "
     "known of connections and sources is lost"},
    {"bypass", "[ADDRESS] [for DURATION] [to DESTINATION] [port PORT[/udp]]",
     "for a while lets a source (address or prefix) see the LAN as it is, for compliance scans; "
     "alone: who does now",
     true},
    {"end-bypass", "ADDRESS", "ends what bypass began, before its time"},
    {"services", "[source SOURCE]",
     "what is legitimate, and why; source static, learned or imported: of these alone", true},
    {"pin", "ADDRESS PORT[/udp]", "a service that was found stays one, until it is forgotten"},
    {"refuse", "ADDRESS PORT[/udp]",
     "is no service from now on, and never learned or imported again"},
    {"forget", "ADDRESS PORT[/udp]",
     "forgets what was found, pinned or refused there; it may be found again"},
    {"import-scan", "FILE", "what nmap -oX found open from inside are services, until it expires"},
    {"save", "", "saves distrust and what was learnt, now"},
    {"forgive", "ADDRESS [with PREFIXES]",
     "forgets what speaks against a source; with prefixes, against the prefixes that it lies in "
     "too"},
    {"top", "[WHAT] [limit N]",
     "who probes most (sources), or what is probed most (destinations): 20", true},
    {"capture", "WHAT FILE [packets N] [for DURATION] [bytes N]",
     "frames that end for a reason, or of an address, into a pcapng file"},
};

/// A part of a pattern.
struct Slot {
  std::string keyword;  ///< empty: by its place
  std::string name;
  bool needed = false;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<Slot> slots_of(std::string_view pattern) {
  std::vector<Slot> slots;
  std::istringstream in{std::string(pattern)};
  std::string keyword;
  bool optional = false;
  for (std::string word; in >> word;) {
    optional = optional || word.front() == '[';
    const bool closes = word.back() == ']';
    word = word.substr(word.front() == '[' ? 1 : 0);
    word = word.substr(0, word.find_first_of("[]/"));
    if (std::islower(static_cast<unsigned char>(word.front())) != 0) {
      keyword = word;
      continue;
    }
    slots.push_back({keyword, keyword.empty() ? lower(word) : keyword, !optional});
    keyword.clear();
    optional = optional && !closes;
  }
  return slots;
}

std::string usage(const Command& c) {
  return fmt::format("expected: mitiboxctl {}{}{}", c.word, c.pattern.empty() ? "" : " ",
                     c.pattern);
}

std::string value_of(const Slot& slot, const std::string& word) {
  return slot.name == "file" ? std::filesystem::absolute(word).string() : word;
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

const Command& find_command(const std::string& word) {
  const auto at = std::find_if(std::begin(kCommands), std::end(kCommands),
                               [&](const Command& c) { return c.word == word; });
  if (at == std::end(kCommands)) throw UsageError(fmt::format("there is no command '{}'", word));
  return *at;
}

Json make_arguments(const Command& command, std::span<const std::string> words) {
  const std::vector<Slot> slots = slots_of(command.pattern);
  Json made = Json::object();
  auto place = slots.begin();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto named = std::find_if(slots.begin(), slots.end(), [&](const Slot& s) {
      return !s.keyword.empty() && s.keyword == words[i];
    });
    if (named != slots.end()) {
      if (i + 1 == words.size() || made.contains(named->name)) throw UsageError(usage(command));
      made[named->name] = value_of(*named, words[++i]);
      continue;
    }
    place = std::find_if(place, slots.end(), [](const Slot& s) { return s.keyword.empty(); });
    if (place == slots.end())
      throw UsageError(fmt::format("'{}' is one word too many; {}", words[i], usage(command)));
    made[place->name] = value_of(*place, words[i]);
    ++place;
  }
  for (const Slot& s : slots)
    if (s.needed && !made.contains(s.name)) throw UsageError(usage(command));
  return made;
}

}  // namespace mitibox::ctl

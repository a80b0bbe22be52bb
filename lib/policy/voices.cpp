// SPDX-License-Identifier: BSD-3-Clause
#include "policy/voices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace mitibox {

namespace {

constexpr std::size_t kMaxVoices = 64;
/// LMTP, SMTP, submission over TLS and without.
constexpr std::array<std::uint16_t, 4> kMailPorts{24, 25, 465, 587};

constexpr Key<Voice> kVoiceKeys[] = {
    {"ports", [](const Value& v, Voice& o) { o.ports = v.port_list(); }},
    {"greeting", [](const Value& v, Voice& o) { o.greeting = v.bytes(Voice::kMost); }},
    {"answer", [](const Value& v, Voice& o) { o.answer = v.bytes(Voice::kMost); }},
};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

/// The first figure of a line's reply code (RFC 5321 4.2, RFC 959 4.2) or HTTP status; 0 without.
char reply_class(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    const auto space = line.find(' ');
    return space + 1 < line.size() && digit(line[space + 1]) ? line[space + 1] : '1';
  }
  if (line.starts_with("+OK")) return '2';  // RFC 1939
  return line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3, digit) ? line[0] : '\0';
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of("\r\n"), text.size());
    if (end != 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool agrees(std::string_view line) {
  const char c = reply_class(line);
  return c != '\0' && c < '4';
}

bool refuses(std::string_view line) {
  return reply_class(line) >= '4';
}

bool names(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

bool covers(const Voice& v, std::uint16_t port) {
  return std::any_of(v.ports.begin(), v.ports.end(),
                     [&](const PortRange& r) { return r.first <= port && port <= r.last; });
}

void check_words(const Voice& v, const Value& at) {
  if (v.greeting.size() + v.answer.size() > Voice::kMost)
    at.refuse(fmt::format("{} bytes of greeting and answer", v.greeting.size() + v.answer.size()),
              fmt::format("at most {}", Voice::kMost));
  const auto answer = lines(v.answer);
  if (std::any_of(answer.begin(), answer.end(), agrees))
    at.member("answer").refuse(
        "a refusal: what a client sends is lost, so no reply code or status below 400, and no +OK");
  const auto greeting = lines(v.greeting);
  if (speaks_smtp(v) && !std::all_of(greeting.begin(), greeting.end(), refuses))
    at.member("greeting")
        .refuse(
            "a refusal, such as \"421 4.3.2 Service not available\\r\\n\": a mail sender must "
            "not go on here");
}

}  // namespace

void read_voices(const Value& list, Policy& policy) {
  for (const Value& v : list.elements("voices", kMaxVoices)) {
    Voice voice;
    read_object(v, voice, kVoiceKeys);
    if (voice.ports.empty())
      throw_policy_error(v.place_of("ports"), "nothing", "the TCP ports that speak so");
    if (voice.greeting.empty() && voice.answer.empty())
      v.refuse("a voice that says nothing", "a \"greeting\", an \"answer\", or both");
    policy.reply.voices.push_back(std::move(voice));
  }
}

void list_voice_keys(const std::string& prefix, std::vector<std::string>& keys) {
  list_keys(kVoiceKeys, prefix + "/*", keys);
}

bool speaks_smtp(const Voice& v) {
  return std::any_of(kMailPorts.begin(), kMailPorts.end(),
                     [&](std::uint16_t port) { return covers(v, port); }) ||
         names(v.greeting + v.answer, "SMTP") || names(v.greeting + v.answer, "LMTP");
}

void check_voices(const Policy& policy, const Value& document) {
  const auto& voices = policy.reply.voices;
  if (voices.empty()) return;
  const auto values = document.member("reply").member("voices").elements("voices", kMaxVoices);
  for (std::size_t i = 0; i < voices.size(); ++i) {
    check_words(voices[i], values[i]);
    for (std::size_t j = 0; j < i; ++j)
      for (const PortRange& r : voices[i].ports)
        for (const PortRange& other : voices[j].ports)
          if (r.first <= other.last && other.first <= r.last)
            values[i].member("ports").refuse(
                fmt::format("port {}", std::max(r.first, other.first)),
                fmt::format("each port in one voice; it stands in {} already",
                            values[j].pointer()));
  }
}

std::bitset<65536> decoy_ports(const Policy& policy) {
  std::bitset<65536> out;
  const auto add = [&](const std::vector<PortRange>& ranges) {
    for (const PortRange& r : ranges)
      for (std::uint32_t port = r.first; port <= r.last; ++port) out.set(port);
  };
  add(policy.reply.decoys.ports);
  for (const Service& s : policy.services) add(s.tcp);
  for (const Voice& v : policy.reply.voices) add(v.ports);
  return out;
}

double expected_decoys(const Policy& policy) {
  const auto usual = static_cast<double>(decoy_ports(policy).count());
  const Policy::Decoys& d = policy.reply.decoys;
  return usual * d.share + (65535 - usual) * d.elsewhere;
}

}  // namespace mitibox

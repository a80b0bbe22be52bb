// SPDX-License-Identifier: BSD-3-Clause
#include "derive.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mitibox::replay {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTargets = 4;

/// An address that a policy could protect: unicast, and not confined to a link or a host.
bool is_protectable(const FrameView& view, const Address& address) {
  if (address.is_v4() != (view.family == Family::v4)) return false;
  if (address.is_v4()) {
    const std::uint32_t a = address.v4().host();
    const std::uint32_t first = a >> 24U;
    return first != 0 && first != 127 && first < 224 && (a >> 16U) != 0xa9feU;
  }
  const bool zero = std::all_of(address.bytes.begin(), address.bytes.end() - 1,
                                [](std::uint8_t b) { return b == 0; });
  const bool link = address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0U) == 0x80;
  return address.bytes[0] != 0xff && !link && !zero;
}

bool is_listable_protocol(const FrameView& view) {
  switch (view.protocol) {
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kIcmp:
    case protocol::kIcmpv6:
    case protocol::kHopByHop:
    case protocol::kIpv6Routing:
    case protocol::kIpv6Fragment:
    case protocol::kNoNextHeader:
    case protocol::kDestinationOptions:
      return false;
    default:
      return true;
  }
}

Json ports_of(const std::set<std::uint16_t>& ports) {
  Json list = Json::array();
  for (auto at = ports.begin(); at != ports.end();) {
    const unsigned first = *at;
    unsigned last = first;
    while (++at != ports.end() && *at == last + 1) ++last;
    if (first == last)
      list.push_back(first);
    else
      list.push_back(fmt::format("{}-{}", first, last));
  }
  return list;
}

}  // namespace

Survey::Survey(Merge& captures) {
  std::vector<std::uint8_t> copy;
  while (const auto captured = captures.next()) {
    copy.assign(captured->bytes.begin(), captured->bytes.end());
    frame(view(copy));
  }
}

Flow Survey::key(const FrameView& view, bool reverse) {
  End from{view.source, be16(view.source_port)};
  End to{view.destination, be16(view.destination_port)};
  if (reverse) std::swap(from, to);
  return {make_flow_key(view.family, view.protocol, from, to)};
}

void Survey::frame(const FrameView& view) {
  if (view.family == Family::none) return;
  for (const Address& address : {view.source, view.destination}) {
    if (!is_protectable(view, address)) continue;
    Candidate& found = nodes_[address].found;
    found.address = address;
    ++found.frames;
  }
  if (is_protectable(view, view.destination) && targets_.size() < kTargets &&
      std::ranges::find(targets_, view.destination) == targets_.end())
    targets_.push_back(view.destination);
  if (view.fragment != Fragment::none) return;
  const bool answers = view.is_syn_ack() || view.echo_reply || asked_.contains(key(view, true));
  if (!answers)
    asked_.insert(key(view, false));
  else if (is_protectable(view, view.source))
    answer(view);
}

void Survey::answer(const FrameView& view) {
  Node& node = nodes_[view.source];
  node.answered = true;
  if (view.is_syn_ack() && view.source_port != 0) node.found.tcp.insert(view.source_port);
  if (view.is_udp() && view.source_port != 0) node.found.udp.insert(view.source_port);
  if (view.echo_reply) node.found.echo = true;
  if (is_listable_protocol(view)) node.found.protocols.insert(view.protocol);
}

std::vector<Candidate> Survey::candidates() const {
  std::vector<Candidate> all;
  for (const auto& [address, node] : nodes_)
    if (node.answered) all.push_back(node.found);
  std::ranges::sort(all, [](const Candidate& a, const Candidate& b) {
    return a.frames != b.frames ? a.frames > b.frames : a.address < b.address;
  });
  return all;
}

Json derive_policy(std::span<const Candidate> candidates, std::span<const Prefix> prefixes) {
  Json protect = Json::array();
  for (const Prefix& prefix : prefixes) protect.push_back(to_string(prefix));
  Json services = Json::array();
  const PrefixSet within{{prefixes.begin(), prefixes.end()}};
  for (const Candidate& c : candidates) {
    if (prefixes.empty())
      protect.push_back(to_string(c.address) + (c.address.is_v4() ? "/32" : "/128"));
    else if (!within.contains(c.address))
      continue;
    if (c.tcp.empty() && c.udp.empty() && c.protocols.empty() && !c.echo) continue;
    Json service = {{"address", to_string(c.address)}};
    if (!c.tcp.empty()) service["tcp"] = ports_of(c.tcp);
    if (!c.udp.empty()) service["udp"] = ports_of(c.udp);
    if (!c.protocols.empty()) service["protocols"] = c.protocols;
    if (c.echo) service["echo"] = true;
    services.push_back(service);
  }
  return {{"protected", protect}, {"services", services}};
}

}  // namespace mitibox::replay

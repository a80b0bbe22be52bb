// SPDX-License-Identifier: BSD-3-Clause
#include "observe/snapshot.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../packet/craft.hpp"
#include "observe/telemetry.hpp"

using namespace mitibox;
using test::Craft;
using test::Probe;

namespace {

/// Frees what is sent; refuses everything while `full`.
struct Sink : Wire {
  std::uint16_t send(Side /*to*/, rte_mbuf** frames, std::uint16_t count) override {
    if (full) return 0;
    for (std::uint16_t i = 0; i < count; ++i) rte_pktmbuf_free(frames[i]);
    return count;
  }
  bool full = false;
};

Policy small_policy() {
  Policy policy;
  policy.protected_prefixes = {parse_prefix("203.0.113.0/24").value()};
  policy.admission = Policy::Admission::forward;
  policy.trust.evidence = Policy::Evidence::weighted;
  policy.probability.drop = 0;
  policy.trust.partial = {{0.5, Seconds(60)}, {0.25, Seconds(60)}};
  policy.tables.connections = policy.tables.sources = policy.tables.retransmissions = 1024;
  policy.tables.conversations = policy.tables.fragments = 64;
  return policy;
}

struct Box {
  Box() {
    static unsigned number = 0;
    Chain::Config config;
    config.name = "observe" + std::to_string(number++);
    config.secrets = Secrets::derive({1, 2});
    config.pool = test::probe_pool();
    chain = std::make_unique<Chain>(policy, config, wire);
  }
  void process(Side from, const std::vector<Craft>& burst) {
    std::vector<rte_mbuf*> frames;
    for (const Craft& c : burst) frames.push_back(c.frame());
    chain->process(from, frames, Now(std::chrono::seconds(1)));
    chain->transmit().flush();
  }

  Policy policy = small_policy();
  Sink wire;
  std::unique_ptr<Chain> chain;
};

Craft syn(const char* source, const char* destination) {
  Probe probe;
  probe.source = source;
  probe.destination = destination;
  return Craft(probe);
}

/// One frame of each fate, five in all.
void feed(Box& box) {
  Craft bad = syn("198.51.100.7", "203.0.113.10");
  bad.put8(bad.bytes.size() - 1, 1);
  box.process(Side::outside,
              {syn("198.51.100.7", "203.0.113.10"), bad, syn("198.51.100.7", "192.0.2.1"),
               syn("203.0.113.10", "203.0.113.11")});
  box.process(Side::inside, {syn("203.0.113.10", "198.51.100.9")});
}

std::string as_metric(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

}  // namespace

TEST_CASE("counter: adds and wraps like a number", "[observe]") {
  Counter c;
  CHECK(c.get() == 0);
  c.add();
  c.add(41);
  CHECK(c.get() == 42);
  c.add(UINT64_MAX);
  CHECK(c.get() == 41);
}

TEST_CASE("reasons: names are unique and fit to be metrics", "[observe]") {
  std::set<std::string> names;
  for (const ReasonRow& r : kReasons) {
    CAPTURE(r.name);
    CHECK(names.insert(as_metric(r.name)).second);
    CHECK_FALSE(r.name.empty());
    CHECK(r.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == r.name.npos);
    CHECK_FALSE(r.cause.empty());
    CHECK_FALSE(r.remedy.empty());
  }
}

TEST_CASE("snapshot: groups, every reason, names unique and lower case", "[observe]") {
  Box a, b;
  feed(a);
  const Snapshot s = take_snapshot({a.chain.get(), b.chain.get()});
  std::vector<std::string> groups;
  for (const auto& g : s.groups) {
    groups.push_back(g.name);
    std::set<std::string> names;
    for (const auto& e : g.entries) {
      CAPTURE(g.name, e.name);
      CHECK(names.insert(e.name).second);
      CHECK(e.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    }
  }
  CHECK(groups == std::vector<std::string>{"counters", "reasons", "trust", "reply", "neighbours",
                                           "tables", "events", "load", "monitor"});
  REQUIRE(s.groups[1].entries.size() == kReasons.size());
  for (std::size_t i = 0; i < kReasons.size(); ++i)
    CHECK(s.groups[1].entries[i].name == as_metric(kReasons[i].name));
}

TEST_CASE("snapshot: a telemetry reply has room for the largest numbers", "[observe]") {
  Box a;
  for (const auto& g : take_snapshot({a.chain.get()}).groups) {
    CAPTURE(g.name);
    // As rte_telemetry writes it, into 16 KiB; a dictionary has at most 256 entries.
    std::size_t length = sizeof("{\"/mitibox/\":{}}") + g.name.size();
    for (const auto& e : g.entries) length += sizeof("\"\":18446744073709551615,") + e.name.size();
    CHECK(length < 16384);
    CHECK(g.entries.size() <= 256);
  }
}

TEST_CASE("snapshot: each frame is counted where it went", "[observe]") {
  Box box;
  feed(box);
  const Snapshot s = take_snapshot({box.chain.get()});
  const auto counter = [&](const char* name) { return s.get("counters", name); };
  CHECK(counter("received_outside") == 4);
  CHECK(counter("received_inside") == 1);
  CHECK(counter("forwarded_inside") == 1);
  CHECK(counter("forwarded_outside") == 1);
  CHECK(counter("made_outside") == 1);
  CHECK(counter("made_inside") == 0);
  CHECK(counter("class_inbound") == 2);
  CHECK(counter("class_outbound") == 1);
  CHECK(counter("class_pass") == 1);
  CHECK(counter("class_neighbour") == 0);
  CHECK(s.get("reasons", "answered") == 1);
  CHECK(s.get("reasons", "tcp_checksum") == 1);
  CHECK(s.get("reasons", "hairpin") == 1);
  CHECK(s.get("reply", "syn_acks") == 1);
  CHECK(s.get("tables", "ipv4_connections") == 1);
  CHECK(s.get("tables", "ipv6_connections") == 0);
  CHECK(s.get("trust", "evidence_unproven") == 1);
  CHECK(check_accounting(s).empty());
  CHECK(s.get("counters", "nothing") == 0);
  CHECK(s.get("nothing", "received_outside") == 0);
}

TEST_CASE("snapshot: lcores sum up, entry by entry", "[observe]") {
  Box a, b;
  feed(a);
  feed(b);
  feed(b);
  const Snapshot one = take_snapshot({a.chain.get()});
  const Snapshot two = take_snapshot({b.chain.get()});
  const Snapshot both = take_snapshot({a.chain.get(), b.chain.get()});
  std::size_t compared = 0;
  for (const auto& g : both.groups)
    for (const auto& e : g.entries) {
      CAPTURE(g.name, e.name);
      CHECK(e.value == one.get(g.name, e.name) + two.get(g.name, e.name));
      ++compared;
    }
  CHECK(compared > kReasons.size());
  CHECK(both.get("counters", "received_outside") == 12);
  CHECK(check_accounting(both).empty());
}

TEST_CASE("snapshot: refused frames count, and the sums still agree", "[observe]") {
  Box box;
  box.wire.full = true;
  feed(box);
  box.chain->transmit().finish();
  const Snapshot s = take_snapshot({box.chain.get()});
  CHECK(s.get("counters", "refused_inside") == 1);
  CHECK(s.get("counters", "refused_outside") == 1);
  CHECK(s.get("counters", "made_refused_outside") == 1);
  CHECK(s.get("counters", "forwarded_inside") == 0);
  CHECK(check_accounting(s).empty());
  CHECK(rte_mempool_in_use_count(test::probe_pool()) == 0);
}

TEST_CASE("accounting: says what does not add up", "[observe]") {
  Box box;
  feed(box);
  const Snapshot sound = take_snapshot({box.chain.get()});
  struct Row {
    std::size_t group;
    const char* entry;
  };
  const Row row =
      GENERATE(Row{0, "received_outside"}, Row{0, "received_inside"}, Row{0, "forwarded_outside"},
               Row{0, "forwarded_inside"}, Row{0, "refused_outside"}, Row{0, "refused_inside"},
               Row{1, "frame_truncated"}, Row{1, "shutdown"});
  Snapshot s = sound;
  for (auto& e : s.groups[row.group].entries)
    if (e.name == row.entry) ++e.value;
  CAPTURE(row.entry);
  const std::string complaint = check_accounting(s);
  CHECK(complaint.find("received") == 0);
  const bool received = std::string_view(row.entry).starts_with("received");
  CHECK(complaint.find(received ? "received 6 frames" : "received 5 frames") == 0);
  CHECK(complaint.find(received ? "= 5" : "= 6") != std::string::npos);
}

TEST_CASE("table: both ports, the reasons that occurred with their sentence", "[observe]") {
  Box box;
  feed(box);
  const std::string table = render_table(take_snapshot({box.chain.get()}));
  const auto numbers_of = [&](const std::string& label) {
    const auto at = table.find(label);
    REQUIRE(at != std::string::npos);
    std::istringstream in(table.substr(at + label.size()));
    std::uint64_t outside = 99, inside = 99;
    in >> outside >> inside;
    return std::pair(outside, inside);
  };
  CHECK(numbers_of("received from the port") == std::pair<std::uint64_t, std::uint64_t>(4, 1));
  CHECK(numbers_of("forwarded out of the port") == std::pair<std::uint64_t, std::uint64_t>(1, 1));
  CHECK(numbers_of("refused by the port") == std::pair<std::uint64_t, std::uint64_t>(0, 0));
  CHECK(numbers_of("made here, sent by the port") == std::pair<std::uint64_t, std::uint64_t>(1, 0));
  const auto dropped = table.find("\nDropped\n");
  const auto ended = table.find("\nEnded here\n");
  REQUIRE(dropped != std::string::npos);
  REQUIRE(ended != std::string::npos);
  for (const ReasonRow& r : kReasons) {
    CAPTURE(r.name);
    const bool occurred = r.name == "answered" || r.name == "tcp-checksum" || r.name == "hairpin";
    const auto at = table.find("  " + std::string(r.name) + " ");
    CHECK((at != std::string::npos) == occurred);
    if (!occurred) continue;
    CHECK((at > ended) == (r.kind == ReasonKind::consume));
    CHECK(table.find(r.cause, at) < table.find('\n', at));
  }
}

TEST_CASE("telemetry: may come, go, and come again", "[observe]") {
  // What a command is answered by; telemetry calls it from a thread of its own.
  static std::map<std::string, telemetry_cb> commands;
  const auto add = [](const char* command, telemetry_cb answer, const char* help) {
    CHECK_FALSE(std::string(help).empty());
    commands[command] = answer;
    return 0;
  };
  Box box;
  unsigned snapshots = 0;
  unsigned sources = 0;
  const TelemetrySource source{[&] {
                                 ++snapshots;
                                 return take_snapshot({box.chain.get()});
                               },
                               [&](const Address&) {
                                 ++sources;
                                 return std::nullopt;
                               }};
  const auto ask_all = [&] {
    snapshots = sources = 0;
    for (const auto& [command, answer] : commands) {
      rte_tel_data* const data = rte_tel_data_alloc();
      CHECK(answer(command.c_str(), "192.0.2.1", data) == 0);
      rte_tel_data_free(data);
    }
  };
  for (int i = 0; i < 2; ++i) {
    register_telemetry(source, add);
    for (const auto& g : take_snapshot({box.chain.get()}).groups)
      CHECK(commands.contains("/mitibox/" + g.name));
    ask_all();
    CHECK(snapshots == commands.size() - 1);
    CHECK(sources == 1);
    detach_telemetry();
    ask_all();
    CHECK(snapshots + sources == 0);
    detach_telemetry();
  }
}

TEST_CASE("snapshot: a port without statistics has none, rather than zeros", "[observe]") {
  Snapshot s;
  add_ports(s, RTE_MAX_ETHPORTS - 1, RTE_MAX_ETHPORTS - 2);
  REQUIRE(s.groups.size() == 1);
  CHECK(s.groups[0].name == "ports");
  CHECK(s.groups[0].entries.empty());
}

TEST_CASE("snapshot: buffers of several pools of a kind are added up", "[observe][faults]") {
  rte_mempool* const one = test::small_pool(15);
  rte_mempool* const other = test::small_pool(31);
  rte_mbuf* const away = rte_pktmbuf_alloc(other);
  Snapshot s;
  add_buffers(s, "received", one);
  add_buffers(s, "made", one);
  add_buffers(s, "made", other);
  REQUIRE(s.groups.size() == 1);
  CHECK(s.get("buffers", "received_size") == 15);
  CHECK(s.get("buffers", "received_in_use") == 0);
  CHECK(s.get("buffers", "made_size") == 46);
  CHECK(s.get("buffers", "made_in_use") == 1);
  rte_pktmbuf_free(away);
  rte_mempool_free(one);
  rte_mempool_free(other);
}

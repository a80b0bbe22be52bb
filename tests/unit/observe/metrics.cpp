// SPDX-License-Identifier: BSD-3-Clause
#include "observe/metrics.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "../chain/rig.hpp"
#include "../policy/fixtures.hpp"

using namespace mitibox;

namespace {

std::string text_of(const Snapshot& snapshot) {
  Metrics metrics;
  metrics.add(snapshot);
  return metrics.text();
}

std::string read(const char* path) {
  std::ifstream in(policy_fixtures::source_root() / path);
  std::ostringstream out;
  out << in.rdbuf();
  REQUIRE(in);
  return out.str();
}

/// The row of docs/metrics.md.
std::string documented(const MetricRow& r) {
  return "| `" + std::string(r.name) + "` | " + std::string(to_string(r.type)) + " | " +
         std::string(r.labels) + (r.labels.empty() ? "| " : " | ") + std::string(r.help) + " |\n";
}

}  // namespace

TEST_CASE("metrics: everything that the box counts has one", "[observe][metrics]") {
  test::Rig rig;
  Snapshot s = take_snapshot({rig.chain.get()});
  s.groups.push_back({"ports", {}});
  for (const char* name : {"ipackets", "opackets", "imissed", "ierrors", "oerrors", "rx_nombuf"})
    s.groups.back().entries.push_back({std::string("outside_") + name, 1});
  add_buffers(s, "received", test::probe_pool());
  const std::string text = text_of(s);
  CAPTURE(text);
  CHECK(text.find("mitibox_undescribed") == text.npos);
  for (const ReasonRow& r : kReasons)
    CHECK(text.find("{reason=\"" + std::string(r.name) + "\"} 0\n") != text.npos);
}

TEST_CASE("metrics: an entry without one is seen all the same", "[observe][metrics]") {
  const std::string text = text_of({{{"counters", {{"new\"\n\\", 7}, {"received_outside", 1}}}}});
  CHECK(text.find("# TYPE mitibox_undescribed gauge\n"
                  "mitibox_undescribed{group=\"counters\",entry=\"new\\\"\\n\\\\\"} 7\n") !=
        text.npos);
  CHECK(text.find("mitibox_received_frames_total{side=\"outside\"} 1\n") != text.npos);
}

TEST_CASE("metrics: values and labels as the snapshot has them", "[observe][metrics]") {
  const std::string text =
      text_of({{{"counters", {{"made_outside", 3}, {"made_refused_outside", 4}, {"held", 5}}},
                {"trust", {{"level2_diverted", 1ULL << 40U}}},
                {"tables", {{"ipv6_connections", 6}, {"retransmission_eviction_age_ms", 1500}}}}});
  for (const char* line :
       {"mitibox_made_frames_total{side=\"outside\"} 3\n",
        "mitibox_made_refused_frames_total{side=\"outside\"} 4\n", "mitibox_held_frames 5\n",
        "mitibox_attempts_total{level=\"2\",verdict=\"diverted\"} 1099511627776\n",
        "mitibox_table_entries{table=\"connections_ipv6\"} 6\n",
        "mitibox_retransmission_memory_seconds 1.5\n"})
    CHECK(text.find(line) != text.npos);
}

TEST_CASE("metrics: a sample belongs to a declared metric", "[observe][metrics]") {
  Metrics m;
  CHECK_THROWS_AS(m.add("mitibox_nothing", "", 1), std::logic_error);
  CHECK_THROWS_AS(m.add("mitibox_held_frames_count", "", 1), std::logic_error);  // no histogram
  m.add("mitibox_burst_seconds_sum", R"(worker="0")", 0.25);
  m.add("mitibox_burst_seconds_bucket", R"(worker="0",le="+Inf")", 2);
  CHECK(m.text() ==
        "# HELP mitibox_burst_seconds " +
            std::string("How long frames kept a worker, from one look at the ports to the next; "
                        "the sum grows by its load\n") +
            "# TYPE mitibox_burst_seconds histogram\n"
            "mitibox_burst_seconds_sum{worker=\"0\"} 0.25\n"
            "mitibox_burst_seconds_bucket{worker=\"0\",le=\"+Inf\"} 2\n");
}

TEST_CASE("metrics: names and docs/metrics.md", "[observe][metrics]") {
  const std::string docs = read("docs/metrics.md");
  std::set<std::string_view> names;
  for (const MetricRow& r : metric_rows()) {
    CAPTURE(r.name, documented(r));
    CHECK(names.insert(r.name).second);
    CHECK(std::regex_match(std::string(r.name), std::regex("mitibox_[a-z_]+")));
    CHECK(r.name.ends_with("_total") == (r.type == MetricType::counter));
    CHECK(r.help.find_first_of("\n\\|") == r.help.npos);
    CHECK(docs.find(documented(r)) != docs.npos);
  }
  const std::regex row("\\| `(mitibox_[a-z_]+)` \\|");
  for (auto at = std::sregex_iterator(docs.begin(), docs.end(), row); at != std::sregex_iterator();
       ++at)
    CHECK(names.count(std::string((*at)[1])) == 1);
}

TEST_CASE("metrics: the dashboard asks for nothing else", "[observe][metrics]") {
  const auto dashboard = policy_fixtures::read("share/grafana/mitibox.json");
  std::set<std::string> asked;
  const std::regex metric("mitibox_[a-z_]+");
  const std::regex label("(?:by|on|ignoring) \\(([a-z_, ]+)\\)|([a-z_]+)(?:=~?|!=)\"");
  std::size_t queries = 0;
  const auto look = [&](const std::string& query) {
    ++queries;
    CAPTURE(query);
    std::string labels = "le, instance, job, ";
    for (auto at = std::sregex_iterator(query.begin(), query.end(), metric);
         at != std::sregex_iterator(); ++at) {
      std::string name = at->str();
      for (const char* part : {"_bucket", "_sum", "_count"})
        if (name.ends_with(part)) name.resize(name.size() - std::string_view(part).size());
      const auto rows = metric_rows();
      const auto row =
          std::find_if(rows.begin(), rows.end(), [&](auto& r) { return r.name == name; });
      CAPTURE(name);
      REQUIRE(row != rows.end());
      labels += std::string(row->labels) + ", ";
    }
    for (auto at = std::sregex_iterator(query.begin(), query.end(), label);
         at != std::sregex_iterator(); ++at) {
      std::istringstream list((*at)[1].matched ? (*at)[1].str() : (*at)[2].str());
      for (std::string one; std::getline(list >> std::ws, one, ',');) {
        CAPTURE(one, labels);
        CHECK(labels.find(one + ", ") != labels.npos);
      }
    }
  };
  const std::function<void(const nlohmann::json&)> walk = [&](const nlohmann::json& node) {
    if (node.is_object() && node.contains("expr")) look(node["expr"].get<std::string>());
    if (node.is_structured())
      for (const auto& below : node) walk(below);
  };
  walk(dashboard);
  CHECK(queries > 15);
}

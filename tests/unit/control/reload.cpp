// SPDX-License-Identifier: BSD-3-Clause
// reload and bypass: what is in force changes, or nothing does.
#include "control/reload.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "fake_box.hpp"

namespace mitibox {
RunCommand run_bypass, run_end_bypass, run_reload;
}  // namespace mitibox

using namespace mitibox;
using namespace mitibox::test;
using Catch::Matchers::Contains;

namespace {

constexpr const char* kBefore = R"({"protected": ["203.0.113.0/24"], "probability": {"drop": 0},
  "services": [{"address": "203.0.113.10", "tcp": [443]}]})";
constexpr const char* kAfter = R"({"protected": ["203.0.113.0/24"], "probability": {"drop": 0.25},
  "services": [{"address": "203.0.113.10", "tcp": [443, 8443]}],
  "trust": {"distrusted": "5m"}, "events": {"rate": 7}})";

struct Files {
  Files() {
    char name[] = "/tmp/mitibox-reload-XXXXXX";
    folder = mkdtemp(name);
  }
  ~Files() { std::filesystem::remove_all(folder); }
  std::string write(const std::string& text) const {
    std::ofstream(folder / "policy.json") << text;
    return folder / "policy.json";
  }
  std::filesystem::path folder;
};

/// As parsed, with tables of a size for a test.
Policy parsed(const char* json) {
  Policy p = parse_policy(json, "before.json");
  p.tables = plain_policy().tables;
  return p;
}

class Reloadable : public FakeBox {
 public:
  Reloadable() : FakeBox(parsed(kBefore)) {}
};

/// With the tables of the running one.
std::string sized(std::string json) {
  json.insert(json.rfind('}'),
              R"(, "tables": {"connections": 1024, "sources": 1024, "retransmissions": 4096,
                 "conversations": 256, "fragments": 64, "reply_buffers": 1024, "persist": false})");
  return json;
}

std::string refusal(Box& box, const std::string& file) {
  try {
    run(run_reload, box, {{"file", file}});
  } catch (const ControlError& e) {
    return e.what();
  }
  return "";
}

const Destination kNew{parse_address("203.0.113.10").value(), 8443, protocol::kTcp};

}  // namespace

TEST_CASE("reload: another policy is in force, in the workers too", "[control][reload]") {
  const Files files;
  Reloadable box;
  CHECK(box.rig.chain->orders().ruleset->match(kNew) == Ruleset::Match::illegitimate);
  const std::string file = files.write(sized(kAfter));
  const Answer a = run(run_reload, box, {{"file", file}});
  CHECK(a.done["policy"] == file);
  CHECK(a.done["mode"] == "on");
  CHECK(box.rig.chain->orders().ruleset->match(kNew) == Ruleset::Match::legitimate);
  CHECK(box.policy()->trust.distrusted == Seconds(300));
  CHECK(box.selected.rate == 7);
  REQUIRE(box.posted.size() == 1);
  CHECK(box.posted[0].first == EventType::policy_reloaded);
  // Without a file it is read once more from there.
  files.write(sized(kBefore));
  run(run_reload, box, Json::object());
  CHECK(box.rig.chain->orders().ruleset->match(kNew) == Ruleset::Match::illegitimate);
}

TEST_CASE("reload: what cannot be used changes nothing, and says why", "[control][reload]") {
  const Files files;
  Reloadable box;
  const auto before = box.policy();
  std::string text = sized(kAfter);
  struct Row {
    std::string json;
    const char* says;
  };
  const Row rows[] = {
      {"{", "expected a policy"},
      {R"({"protected": ["203.0.113.0/24"], "services": [{"address": "203.0.113.10", "tcp": [0]}]})",
       "/services/0/tcp/0"},
      {R"({"protected": ["203.0.112.0/23"]})", "/protected"},
      {R"({"protected": ["203.0.113.0/24"], "tables": {"connections": 2048}})", "/tables"},
      {R"({"protected": ["203.0.113.0/24"], "admission": "forward"})", "/admission"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    const std::string why = refusal(box, files.write(row.json));
    CHECK_THAT(why, Contains(row.says));
    CHECK_THAT(why, Contains("policy.json"));
    CHECK(box.posted.back().first == EventType::policy_refused);
  }
  CHECK_THAT(refusal(box, "/nowhere/policy.json"), Contains("cannot be read"));
  CHECK(box.policy() == before);
  CHECK(box.rig.chain->orders().ruleset->match(kNew) == Ruleset::Match::illegitimate);
}

TEST_CASE("reload: a worker that stands still is named", "[control][reload]") {
  const Files files;
  Reloadable box;
  const std::string file = files.write(sized(kAfter));
  box.stands_still = true;
  CHECK_THAT(refusal(box, file), Contains("does not answer"));
  box.stands_still = false;
  CHECK(refusal(box, file).empty());
  CHECK(box.rig.chain->orders().ruleset->match(kNew) == Ruleset::Match::legitimate);
}

TEST_CASE("bypass: begins, is listed, survives a reload, and ends", "[control][reload]") {
  const Files files;
  Reloadable box;
  Answer a =
      run(run_bypass, box, {{"address", "198.51.100.0/28"}, {"for", "2h"}, {"to", "203.0.113.10"}});
  REQUIRE(a.rows.size() == 1);
  CHECK(a.rows[0]["source"] == "198.51.100.0/28");
  CHECK(a.rows[0]["to"] == "203.0.113.10/32");
  CHECK(a.rows[0]["port"] == "all");
  CHECK(a.rows[0]["left_s"] == 7200);
  CHECK(box.posted.back().first == EventType::bypass);
  run(run_reload, box, {{"file", files.write(sized(kAfter))}});
  CHECK(box.rig.chain->orders().bypasses.all().size() == 1);
  a = run(run_bypass, box, {{"address", "198.51.100.77"}, {"for", "10m"}, {"port", "53/udp"}});
  CHECK(a.rows.size() == 2);
  CHECK(run(run_end_bypass, box, {{"address", "198.51.100.77"}}).done["ended"] == 1);
  CHECK(box.rig.chain->orders().bypasses.all().size() == 1);
  box.rig.wait(std::chrono::hours(2));
  CHECK(run(run_bypass, box, Json::object()).rows.empty());
}

TEST_CASE("bypass: what it refuses", "[control][reload]") {
  Reloadable box;
  struct Row {
    Json arguments;
    const char* says;
  };
  const Row rows[] = {
      {{{"address", "198.51.100.7"}}, "for is missing"},
      {{{"address", "198.51.100.7"}, {"for", "8d"}}, "at most 7d"},
      {{{"address", "198.51.0.0/16"}, {"for", "1h"}}, "/24 or longer"},
      {{{"address", "2001:db8::/32"}, {"for", "1h"}}, "/48 or longer"},
      {{{"address", "203.0.113.9"}, {"for", "1h"}}, "is protected"},
      {{{"address", "x"}, {"for", "1h"}}, "an outside address or prefix"},
      {{{"address", "198.51.100.7"}, {"for", "1h"}, {"to", "198.51.100.9"}}, "what is protected"},
      {{{"address", "198.51.100.7"}, {"for", "1h"}, {"port", "0"}}, "1 to 65535"},
      {{{"for", "1h"}}, "address is missing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.arguments.dump());
    CHECK_THROWS_WITH(run(run_bypass, box, row.arguments), Contains(row.says));
  }
  CHECK_THROWS_WITH(run(run_end_bypass, box, {{"address", "198.51.100.7"}}),
                    Contains("has no bypass"));
  for (std::size_t i = 0; i < Bypasses::kMost; ++i)
    run(run_bypass, box, {{"address", "198.51.100." + std::to_string(i)}, {"for", "1h"}});
  CHECK_THROWS_WITH(run(run_bypass, box, {{"address", "198.51.100.99"}, {"for", "1h"}}),
                    Contains("16 bypasses"));
}

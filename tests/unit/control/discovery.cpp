// SPDX-License-Identifier: BSD-3-Clause
// Services that were found: from findings, scans and the operator's hand into force.
#include "control/discovery.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "fake_box.hpp"

namespace mitibox {
RunCommand run_services, run_pin, run_refuse, run_forget, run_import_scan, run_explain, run_status;
}  // namespace mitibox

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

const Destination kFound{parse_address("203.0.113.77").value(), 8080, protocol::kTcp};

struct Folder {
  Folder() {
    char name[] = "/tmp/mitibox-discovery-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  /// In one step, as a scan that is done should come.
  std::string write(const std::string& text) const {
    std::ofstream(path / "new") << text;
    std::filesystem::rename(path / "new", path / "lan.xml");
    return path / "lan.xml";
  }
  std::filesystem::path path;
};

std::string scan(Date start, const std::string& ports, const char* address = "203.0.113.77") {
  return fmt::format(
      R"(<nmaprun start="{}"><host><status state="up"/><address addr="{}" addrtype="ipv4"/><ports>{}</ports></host></nmaprun>)",
      start.time_since_epoch().count(), address, ports);
}
std::string open(unsigned port, const char* kind = "tcp") {
  return fmt::format(R"(<port protocol="{}" portid="{}"><state state="open"/></port>)", kind, port);
}

Policy learning() {
  Policy p = plain_policy();
  p.admission = Policy::Admission::handshake;
  p.learn.length = std::chrono::hours(24);
  p.learn.ports = {{1, 65535}};
  return p;
}

void tick(FakeBox& box) {
  Findings* const all[] = {&box.rig.findings};
  box.discovery().tick(all);
}

void teach(FakeBox& box, const Destination& to = kFound) {
  for (const char* source : {"198.51.100.1", "198.51.101.1", "198.51.102.1"})
    box.rig.findings.tell({to, parse_address(source).value()});
  tick(box);
}

bool legitimate(FakeBox& box, const Destination& to = kFound) {
  const auto& rules = *box.rig.chain->orders().ruleset;
  return &rules == box.regime().ruleset().get() && rules.match(to) == Ruleset::Match::legitimate;
}

std::string refusal(RunCommand* command, Box& box, const Json& arguments) {
  try {
    run(command, box, arguments);
  } catch (const ControlError& e) {
    return e.what();
  }
  return "done";
}

}  // namespace

TEST_CASE("discovery: findings become services of the workers", "[discovery]") {
  FakeBox box(learning());
  tick(box);
  CHECK(box.rig.chain->orders().learning.on());
  CHECK_FALSE(legitimate(box));
  teach(box);
  CHECK(legitimate(box));
  REQUIRE(box.said.size() == 1);
  CHECK(box.said[0] == "learned that 203.0.113.77 8080/tcp is a service");
  const unsigned asked = box.asked;
  tick(box);
  CHECK(box.asked == asked);  // nothing has changed

  box.date += 24h;
  tick(box);
  CHECK_FALSE(box.rig.chain->orders().learning.on());
  CHECK(legitimate(box));
  box.date += 30 * 24h;
  tick(box);
  CHECK_FALSE(legitimate(box));
}

TEST_CASE("discovery: what is in use stays", "[discovery]") {
  FakeBox box(learning());
  teach(box);
  for (int day = 0; day < 45; ++day) {
    const auto row = box.regime().ruleset()->row_of(kFound);
    REQUIRE(row);
    box.rig.chain->hits()[*row] = {2, box.rig.now().time};
    box.date += 24h;
    tick(box);
  }
  const Answer a = run(run_services, box, {{"source", "learned"}});
  REQUIRE(a.rows.size() == 1);
  CHECK(a.rows[0]["hits"] == 90);
  // Counts of rules that went are not lost.
  box.rig.chain->hits()[*box.regime().ruleset()->row_of(kFound)] = {5, box.rig.now().time};
  box.regime().set_found({kFound});
  CHECK(box.discovery().find(kFound)->hits == 90);
  CHECK(run(run_services, box, Json::object()).rows.back()["hits"] == 95);
}

TEST_CASE("discovery: it outlives the process, and so does the learning period", "[discovery]") {
  std::string saved;
  {
    FakeBox box(learning());
    teach(box);
    run(run_refuse, box, {{"address", "203.0.113.78"}, {"port", "22"}});
    saved = box.discovery().save();
  }
  FakeBox box(learning());
  box.date += 23h;
  box.discovery().restore(saved);
  box.discovery().start([&](unsigned w, Errand& errand) { box.ask(w, errand); });
  CHECK(legitimate(box));
  CHECK(box.rig.chain->orders().learning.on());
  teach(box, {parse_address("203.0.113.78").value(), 22, protocol::kTcp});
  CHECK(run(run_services, box, {{"source", "learned"}}).rows.size() == 1);
  box.date += 1h;
  tick(box);
  CHECK_FALSE(box.rig.chain->orders().learning.on());

  box.said.clear();
  box.discovery().restore("{}");
  REQUIRE(box.said.size() == 1);
  CHECK_THAT(box.said[0], Contains("not restored: lacks \"version\""));
  CHECK(legitimate(box));
}

TEST_CASE("discovery: scans are read when they change, and a broken one changes nothing",
          "[discovery]") {
  const Folder folder;
  Policy p = plain_policy();
  p.imports = {{folder.path / "lan.xml", 60s, std::chrono::hours(48)}};
  FakeBox box(p);
  REQUIRE(box.said.size() == 1);
  CHECK_THAT(box.said[0], Contains("cannot be read: No such file") && Contains("stays as it is"));
  folder.write(scan(box.date, open(8080) + open(53, "udp")));
  tick(box);
  CHECK_FALSE(legitimate(box));  // it is not yet time
  box.date += 60s;
  tick(box);
  CHECK(legitimate(box));
  CHECK(legitimate(box, {kFound.address, 53, protocol::kUdp}));

  box.said.clear();
  folder.write("<nmaprun start=\"17");
  for (int i = 0; i < 3; ++i) {
    box.date += 60s;
    tick(box);
  }
  REQUIRE(box.said.size() == 1);
  CHECK_THAT(box.said[0], Contains("not whole XML"));
  CHECK(legitimate(box));

  // The next scan lacks a port: it goes when the one before expires.
  folder.write(scan(box.date, open(53, "udp")));
  box.date += 60s;
  tick(box);
  CHECK(legitimate(box));
  box.date += 48h - 240s;
  tick(box);
  CHECK_FALSE(legitimate(box));
  CHECK(legitimate(box, {kFound.address, 53, protocol::kUdp}));
}

TEST_CASE("discovery: by hand", "[discovery]") {
  const Folder folder;
  FakeBox box(learning());
  const Json at{{"address", "203.0.113.77"}, {"port", "8080"}};
  CHECK_THAT(refusal(run_pin, box, at), Contains("203.0.113.77 8080/tcp is not among"));
  CHECK_THAT(refusal(run_forget, box, at), Contains("is not among"));
  CHECK_THAT(refusal(run_pin, box, {{"address", "203.0.113.77"}, {"port", "echo"}}),
             Contains("found 'echo'"));
  CHECK_THAT(refusal(run_refuse, box, {{"address", "203.0.113.10"}, {"port", "443"}}),
             Contains("the policy lists it"));
  teach(box);
  CHECK(run(run_pin, box, at).done["state"] == "pinned");
  box.date += 365 * 24h;
  tick(box);
  CHECK(legitimate(box));
  CHECK(run(run_refuse, box, at).done["state"] == "refused");
  CHECK_FALSE(legitimate(box));
  const std::string file = folder.write(scan(box.date, open(8080) + open(8081)));
  const Answer imported = run(run_import_scan, box, {{"file", file}});
  CHECK(imported.done["open"] == 2);
  CHECK(imported.done["added"] == 1);
  CHECK(imported.done["refused"] == 1);
  CHECK_FALSE(legitimate(box));
  run(run_forget, box, at);
  run(run_import_scan, box, {{"file", file}});
  CHECK(legitimate(box));
  CHECK_THAT(refusal(run_import_scan, box, {{"file", "/nowhere"}}), Contains("No such file"));
  box.date += 49h;
  CHECK_THAT(refusal(run_import_scan, box, {{"file", file}}), Contains("is older than 2d"));
}

TEST_CASE("discovery: a worker that stands still hears of it later", "[discovery]") {
  FakeBox box(learning());
  tick(box);
  box.stands_still = true;
  teach(box);
  tick(box);
  CHECK_FALSE(legitimate(box));
  CHECK(box.said.size() == 2);  // learned, and not in force: once
  box.stands_still = false;
  tick(box);
  CHECK(legitimate(box));
}

TEST_CASE("discovery: services, with what they rest on", "[discovery]") {
  const Folder folder;
  FakeBox box(learning());
  teach(box);
  const std::string file = folder.write(scan(box.date - 1h, open(53, "udp")));
  run(run_import_scan, box, {{"file", file}});
  run(run_import_scan, box, {{"file", folder.write(scan(box.date, open(443), "203.0.113.10"))}});
  box.rig.chain->hits()[0] = {3, box.rig.now().time};
  const Answer all = run(run_services, box, Json::object());
  REQUIRE(all.rows.size() ==
          7);  // TCP and UDP of two web servers, mail, and the two that were found
  CHECK(all.rows[0] == Json::parse(R"({"address": "203.0.113.10", "protocol": "tcp", "port": "443",
      "source": "static", "state": "normal", "evidence": "the policy", "first_seen": null,
      "last_seen": "2025-06-15T15:06:40Z", "hits": 3})"));
  CHECK(all.rows[1]["hits"].is_null());
  CHECK(all.rows[5]["source"] == "learned");
  CHECK(all.rows[5]["evidence"] == "answered 3 networks");
  CHECK(all.rows[5]["first_seen"] == "2025-06-15T15:06:40Z");
  CHECK(all.rows[6]["source"] == "imported");
  CHECK(all.rows[6]["protocol"] == "udp");
  CHECK(all.rows[6]["evidence"] == file + " of 2025-06-15T14:06:40Z");
  CHECK(all.done["learning_until"] == "2025-06-16T15:06:40Z");
  CHECK(run(run_services, box, {{"source", "imported"}}).rows.size() == 1);
  CHECK(run(run_services, box, {{"source", "static"}}).rows.size() == 5);
  CHECK_THAT(refusal(run_services, box, {{"source", "rumour"}}),
             Contains("expected static, learned or imported"));

  const auto listed = [&](const char* to, const char* port) {
    return run(run_explain, box, {{"address", "198.51.100.7"}, {"port", port}, {"to", to}})
        .done["attempts"][0]["listed"];
  };
  CHECK(listed("203.0.113.77", "8080") == "learned");
  CHECK(listed("203.0.113.77", "53/udp") == "imported");
  CHECK(listed("203.0.113.10", "443") == "static");
  CHECK(listed("203.0.113.10", "444") == "-");
  CHECK(run(run_status, box, Json::object()).done["learning_until"] == "2025-06-16T15:06:40Z");
}

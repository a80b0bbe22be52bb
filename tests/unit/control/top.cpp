// SPDX-License-Identifier: BSD-3-Clause
// top and capture.
#include "control/top.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "../packet/craft.hpp"
#include "fake_box.hpp"

namespace mitibox {
RunCommand run_capture, run_top;
}  // namespace mitibox

using namespace mitibox;
using namespace mitibox::test;

namespace {

Probe probe(const std::string& source, std::uint16_t port) {
  Probe p;
  p.source = source;
  p.destination = "203.0.113.99";
  p.destination_port = port;
  return p;
}

/// Lets frames pass as soon as a capture has begun.
class CapturingBox : public FakeBox {
 public:
  void ask(unsigned worker, Errand& errand) override {
    FakeBox::ask(worker, errand);
    const auto* const capture = dynamic_cast<const SetCapture*>(&errand);
    if (capture == nullptr || !capture->filter) return;
    for (std::uint16_t port = 1; port <= 5; ++port) {
      Craft bad(probe("198.51.100.7", port));
      bad.put8(bad.bytes.size() - 1, 1);
      rig.send(Side::outside, bad.frame());
    }
  }
};

struct Folder {
  Folder() {
    char name[] = "/tmp/mitibox-capture-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("top: sources with their level, the most frequent first", "[control]") {
  FakeBox box;
  for (int i = 0; i < 200; ++i)
    for (int n = 0; n <= i % 3; ++n)
      box.rig.send(Side::outside,
                   probe("198.51.100." + std::to_string(i), static_cast<std::uint16_t>(1 + n)));
  const Answer all = run(run_top, box, {{"limit", 5}});
  REQUIRE(all.rows.size() == 5);
  CHECK(all.done["rows"] == 5);
  for (const Json& row : all.rows) {
    CHECK(row["probes"] == 3);
    CHECK(row["level"] == 1);
    CHECK(row["left_s"] == 600);
    CHECK(row["idle_s"] == 0);
  }
  // Every row is found, though an errand copies a few.
  CHECK(run(run_top, box, {{"limit", 1000}}).rows.size() == 200);
  box.rig.wait(std::chrono::minutes(11));  // longer than kStale
  CHECK(run(run_top, box, Json::object()).rows.empty());
}

TEST_CASE("top: destinations with protocol and port", "[control]") {
  FakeBox box;
  for (std::uint16_t port = 1; port <= 3; ++port)
    for (int n = 0; n < port; ++n)
      box.rig.send(Side::outside, probe("198.51.100." + std::to_string(n), port));
  const Answer all = run(run_top, box, {{"what", "destinations"}});
  REQUIRE(all.rows.size() == 3);
  CHECK(all.rows[0]["address"] == "203.0.113.99");
  CHECK(all.rows[0]["port"] == 3);
  CHECK(all.rows[0]["protocol"] == "tcp");
  CHECK(all.rows[0]["probes"] == 3);
  CHECK_FALSE(all.rows[0].contains("level"));
}

TEST_CASE("top: what cannot be asked for", "[control]") {
  FakeBox box;
  CHECK_THROWS_AS(run(run_top, box, {{"what", "ports"}}), ControlError);
  CHECK_THROWS_AS(run(run_top, box, {{"limit", 0}}), ControlError);
  CHECK_THROWS_AS(run(run_top, box, {{"more", 1}}), ControlError);
  box.stands_still = true;
  CHECK_THROWS_AS(run(run_top, box, Json::object()), ControlError);
}

TEST_CASE("capture: by reason and by address, up to so many packets", "[control]") {
  const Folder folder;
  CapturingBox box;
  const auto capture = [&](const char* what, const char* file, int packets) {
    return run(run_capture, box,
               {{"what", what}, {"file", folder.file(file)}, {"packets", packets}, {"for", "5s"}})
        .done;
  };
  const Json by_reason = capture("tcp-checksum", "a", 3);
  CHECK(by_reason["packets"] == 3);
  CHECK(by_reason["lost"] == 0);
  CHECK(by_reason["bytes"] == std::filesystem::file_size(folder.file("a")));
  // What an earlier one has left in the ring is not in the next.
  box.rig.wait(std::chrono::milliseconds(10));
  CHECK(capture("198.51.100.7", "b", 5)["packets"] == 5);
  // It is over: nothing is copied any more.
  CHECK_FALSE(box.rig.observer.capture.on());
}

TEST_CASE("capture: what cannot be captured leaves nothing running", "[control]") {
  const Folder folder;
  CapturingBox box;
  const std::string file = folder.file("x");
  const auto refused = [&](const Json& arguments) {
    CHECK_THROWS_AS(run(run_capture, box, arguments), ControlError);
    CHECK_FALSE(box.rig.observer.capture.on());
  };
  refused({{"file", file}});
  refused({{"what", "no-such-reason"}, {"file", file}});
  refused({{"what", "coin"}});
  refused({{"what", "coin"}, {"file", "relative"}});
  refused({{"what", "coin"}, {"file", file}, {"for", "2h"}});
  refused({{"what", "coin"}, {"file", file}, {"bytes", 10}});
  CHECK_FALSE(std::filesystem::exists(file));
  refused({{"what", "coin"}, {"file", folder.file("no/x")}});
  box.stands_still = true;
  refused({{"what", "coin"}, {"file", file}});
}

// SPDX-License-Identifier: BSD-3-Clause
#include "state/keeper.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "../chain/rig.hpp"
#include "scratch.hpp"
#include "state/trust_sections.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

/// A box of one worker with some suspects, which no longer runs.
struct Place {
  explicit Place(std::chrono::seconds every = 1h) : rig(policy()), folder(scratch.name) {
    keeper.emplace(folder, StateKeeper::Config{
                               .workers = 1,
                               .frame = {},
                               .every = every,
                               .age = [this] { return rig.now().time; },
                               .ask = ask,
                               .say = [this](const std::string& line) { said.push_back(line); }});
  }
  static Policy policy() {
    Policy p = plain_policy();
    p.tables.sources = 4096;
    return p;
  }
  /// That many sources try what is no service.
  void scan(int first, int sources) {
    for (int i = first; i < first + sources; ++i)
      rig.send(Side::outside, probe("198.51.100." + std::to_string(i)));
  }
  static Probe probe(const std::string& source) {
    Probe p;
    p.source = source;
    p.destination = "203.0.113.77";
    p.destination_port = 23;
    return p;
  }

  Scratch scratch;
  Rig rig;
  StateFolder folder;
  Ask ask = [this](unsigned /*worker*/, Errand& errand) {
    if (broken) throw std::runtime_error("worker 0 stands still");
    ++errands;
    errand.serve(*rig.chain, rig.now());
  };
  std::atomic<int> errands = 0;
  bool broken = false;
  std::vector<std::string> said;
  std::optional<StateKeeper> keeper;
};

}  // namespace

TEST_CASE("keeper: saves what the workers know, in pieces", "[state]") {
  Place place;
  place.scan(1, 20);
  place.keeper->add({"words", 3, [] { return std::string("kept"); }});
  const StateKeeper::Saved saved = place.keeper->save();
  CHECK(saved.cells == 20);
  CHECK(place.errands >= 16);  // 512 entries each
  const auto image = place.folder.read();
  REQUIRE(image);
  CHECK(image->saved.age == place.rig.now().time);
  const Section* words = image->find("words");
  REQUIRE(words != nullptr);
  CHECK(words->version == 3);
  CHECK(words->bytes.size() == 4);
  const ReadTrust read = read_sections(*image, Place::policy(), 0);
  REQUIRE(read.trust.cells.size() == 20);
  Rig next(Place::policy());
  CHECK(next.chain->restore(read.trust, true, next.now()).cells == 20);
  for (int i = 1; i <= 20; ++i) {
    const std::string source = "198.51.100." + std::to_string(i);
    CHECK(next.level(source).number == place.rig.level(source).number);
    CHECK(next.level(source).since == place.rig.level(source).since);
  }
  CHECK(next.level("198.51.100.99").number == 0);
}

TEST_CASE("keeper: writes when something has changed, or when told", "[state]") {
  Place place;
  const auto written = [&] {
    const bool there = std::filesystem::remove(place.folder.file());
    return there;
  };
  place.scan(1, 1);
  place.keeper->save();
  CHECK(written());
  place.keeper->finish(place.ask);
  CHECK_FALSE(written());
  place.keeper->save();
  CHECK(written());
  place.scan(2, 1);
  place.keeper->finish(place.ask);
  CHECK(written());
}

TEST_CASE("keeper: a failure is said once, and its end", "[state]") {
  Place place;
  place.broken = true;
  CHECK_THROWS_WITH(place.keeper->save(), Contains("worker 0 stands still"));
  place.keeper->finish(place.ask);
  place.keeper->finish(place.ask);
  REQUIRE(place.said.size() == 1);
  CHECK_THAT(place.said[0], Contains("state cannot be saved: worker 0 stands still"));
  place.broken = false;
  place.keeper->finish(place.ask);
  CHECK(place.said.size() == 2);
  CHECK(place.folder.read());
}

TEST_CASE("keeper: a thread that waits ends at once", "[state]") {
  Place place;
  place.keeper->start();
  place.keeper->finish(place.ask);
  CHECK(place.folder.read());
}

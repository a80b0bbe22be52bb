// SPDX-License-Identifier: BSD-3-Clause
#include "control/grounds.hpp"

#include <catch2/catch.hpp>

#include "fake_box.hpp"

namespace mitibox {
RunCommand run_forgive;
}

using namespace mitibox;
using namespace mitibox::test;

namespace {

/// A source completes a handshake with what is no service.
void guess_wrong(Rig& rig, const std::string& source) {
  Probe p;
  p.source = source;
  p.destination = "2001:db8:1::99";
  const Outcome o = rig.send(Side::outside, p);
  REQUIRE(o.answers.size() == 1);
  p.flags = tcp::kAck;
  p.sequence += 1;
  p.acknowledgement = o.answers[0].sequence() + 1;
  rig.send(Side::outside, p);
}

}  // namespace

TEST_CASE("grounds: a source is told what weighs on it, its prefixes included", "[control]") {
  Policy policy = plain_policy();
  policy.admission = Policy::Admission::handshake;
  policy.trust.evidence = Policy::Evidence::proof;
  FakeBox box(policy);
  const auto grounds = [&](const char* source) {
    return grounds_of(box, parse_address(source).value());
  };
  CHECK(grounds("2001:db8:5::7").empty());
  guess_wrong(box.rig, "2001:db8:5::7");
  Json rows = grounds("2001:db8:5::7");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["on"] == "2001:db8:5::/64");
  CHECK(rows[0]["evidence"] == "proven");
  CHECK(rows[0]["number"] == 1);
  CHECK(rows[0]["left_s"] == 600);
  CHECK(rows[1]["on"] == "2001:db8:5::/56");
  CHECK(rows[1]["evidence"] == "1 of 4 sources proven");
  CHECK(rows[1]["number"] == 0);
  CHECK_FALSE(rows[1].contains("until"));
  CHECK(rows[2]["evidence"] == "1 of 16 sources proven");
  for (const char* neighbour : {"2001:db8:5:1::7", "2001:db8:5:2::7", "2001:db8:5:3::7"})
    guess_wrong(box.rig, neighbour);
  rows = grounds("2001:db8:5:ff::7");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["evidence"] == "4 of 4 sources proven");
  CHECK(rows[0]["number"] == 1);
  CHECK(rows[0]["diverted_share"] == 1.0);
  CHECK(rows[0]["left_s"] == 600);
  CHECK(rows[1]["on"] == "2001:db8:5::/48");
  CHECK(rows[1]["evidence"] == "4 of 16 sources proven");

  const Json stays = run(run_forgive, box, {{"address", "2001:db8:5:ff::7"}}).done;
  CHECK(stays["forgiven_prefixes"] == 0);
  CHECK(stays["still_distrusted_on"] == "2001:db8:5::/56");
  const Json goes =
      run(run_forgive, box, {{"address", "2001:db8:5:ff::7"}, {"with", "prefixes"}}).done;
  CHECK(goes["forgiven_prefixes"] == 1);
  CHECK_FALSE(goes.contains("still_distrusted_on"));
  CHECK_THROWS_WITH(run(run_forgive, box, {{"address", "2001:db8:5::7"}, {"with", "all"}}),
                    Catch::Contains("with: "));
}

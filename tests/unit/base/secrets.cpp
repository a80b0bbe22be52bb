// SPDX-License-Identifier: BSD-3-Clause
#include "base/secrets.hpp"

#include <catch2/catch.hpp>

using namespace mitibox;

TEST_CASE("secrets: what outlives the process, and what must not", "[base]") {
  const Secrets one = Secrets::derive({1, 2}, {3, 4});
  const Secrets next = Secrets::derive({1, 2}, {5, 6});
  // Verdicts, cookies, draws: a restart must not buy another try.
  for (const auto key :
       {&Secrets::owner, &Secrets::coin, &Secrets::retransmission, &Secrets::phase, &Secrets::draw,
        &Secrets::sketch, &Secrets::cookie, &Secrets::isn, &Secrets::surface})
    CHECK(one.*key == next.*key);
  // Counters begin anew: what they give under the same key has been seen.
  for (const auto key :
       {&Secrets::table, &Secrets::conversation, &Secrets::fragment, &Secrets::persona,
        &Secrets::repetition, &Secrets::icmp, &Secrets::hosts, &Secrets::calls, &Secrets::pieces,
        &Secrets::departures, &Secrets::spoken, &Secrets::shares})
    CHECK_FALSE(one.*key == next.*key);
}

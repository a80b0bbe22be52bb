// SPDX-License-Identifier: BSD-3-Clause
#include "shard/mailbox.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace mitibox;
using namespace std::chrono_literals;

namespace {

Address source(int i) {
  return parse_address("198.51.100." + std::to_string(i)).value();
}

Trust make_trust(const char* name) {
  Policy policy;
  policy.trust.evidence = Policy::Evidence::attempt;
  return {policy, Secrets::derive({1, 2}), 64, name};
}

}  // namespace

TEST_CASE("mailbox: nobody answers", "[shard][mailbox]") {
  Mailbox box;
  CHECK_FALSE(box.ask(source(1), 1ms));
  // The question still lies there: there is one place.
  CHECK_FALSE(box.ask(source(2), 1h));
}

TEST_CASE("mailbox: an answer that comes too late is nobody's", "[shard][mailbox]") {
  Trust trust = make_trust("mailbox-late");
  trust.illegitimate(source(1), 0s);
  Mailbox box;
  box.poll(trust, Now(1s));  // no question
  REQUIRE_FALSE(box.ask(source(1), 1ms));
  box.poll(trust, Now(1s));
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) box.poll(trust, Now(2s));
  });
  const auto answer = box.ask(source(2), 10s);
  stop = true;
  owner.join();
  REQUIRE(answer);
  CHECK(answer->level.number == 0);
  CHECK(answer->now == 2s);
}

TEST_CASE("mailbox: everyone gets the answer to his own question", "[shard][mailbox]") {
  Trust trust = make_trust("mailbox-many");
  for (int i = 0; i < 8; i += 2) trust.illegitimate(source(i), 0s);
  Mailbox box;
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) box.poll(trust, Now(1s));
  });
  std::atomic<int> right = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i)
    askers.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        const int who = (i + k) % 8;
        const auto answer = box.ask(source(who), 60s);
        if (answer && answer->level.number == (who % 2 == 0 ? 1U : 0U)) ++right;
      }
    });
  for (std::thread& t : askers) t.join();
  stop = true;
  owner.join();
  CHECK(right == 200);
}

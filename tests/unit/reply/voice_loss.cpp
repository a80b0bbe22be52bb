// SPDX-License-Identifier: BSD-3-Clause
// What a voice does when segments are lost, late or wrong.
#include <random>

#include "talker.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace mitibox::test::talk;

TEST_CASE("What is not acknowledged is repeated to whatever comes a second later", "[voice]") {
  Talk t(kGreeting, "");
  t.prove();
  t.later(999);
  REQUIRE(t.send(PA, 0, 10, 0));
  CHECK(t.text.empty());
  CHECK(t.at == 15);
  t.later(1);
  struct Row {
    std::uint8_t flags;
    std::uint32_t from;
    std::size_t size;
    std::uint32_t acked;
    std::string text;
  };
  const Row row = GENERATE(Row{PA, 10, 10, 0, kGreeting}, Row{A, 10, 0, 0, kGreeting},
                           Row{A, 9, 0, 0, kGreeting},     // keepalive
                           Row{PA, 50, 10, 0, kGreeting},  // out of order
                           Row{PA, 0, 10, 0, kGreeting},   // repeated
                           Row{PA, 10, 10, 4, kGreeting.substr(4)}, Row{PA, 10, 10, 15, ""},
                           Row{R, 12, 0, 0, ""});
  REQUIRE(t.send(row.flags, row.from, row.size, row.acked));
  CHECK(t.text == row.text);
  CHECK(t.at == 15 - row.text.size());
  CHECK(t.reply.counters().words_again == (row.text.empty() ? 0U : 1U));
  if (row.flags == R) return;  // it is still due
  // Not once more before its time, and never when it is acknowledged.
  t.later(999);
  t.send(PA, 20, 10, 0);
  CHECK(t.text.empty());
  t.send(A, 20, 0, 15);
  t.later(5000);
  t.send(PA, 20, 10, 0);
  CHECK(t.text.empty());
}

TEST_CASE("An old acknowledgement is as good as any, one of what was never said is not",
          "[voice]") {
  Talk t;
  t.prove();
  t.send(PA, 0, 10, 15);
  for (const std::uint32_t acked : {0U, 3U, 15U, 20U, 27U}) {
    REQUIRE(t.send(PA, 10, 10, acked));
    CHECK(t.got_ack == 20);
    CHECK_FALSE(t.send(A, 20, 0, acked));
  }
  for (const std::uint32_t acked : {28U, 0xffffffffU}) {
    REQUIRE(t.send(PA, 20, 10, acked));
    CHECK(t.got_ack == 20);
  }
}

TEST_CASE("A greeting lost before the FIN comes again with it", "[voice]") {
  Talk t(kGreeting, "");
  t.prove();
  REQUIRE(t.send(FA, 0, 0, 0));
  CHECK(t.got_flags == A);
  CHECK(t.at == 15);
  REQUIRE(t.ends());
  CHECK(t.at == 15);
  t.later(1000);
  SECTION("repeated whole") {
    REQUIRE(t.send(FA, 0, 0, 0));
    CHECK(t.text == kGreeting);
    CHECK(t.at == 0);
    CHECK(t.got_flags == (FA | tcp::kPsh));
  }
  SECTION("or asked for by a bare ACK") {
    REQUIRE(t.send(A, 1, 0, 0));
    CHECK(t.text == kGreeting);
    CHECK(t.got_flags == (FA | tcp::kPsh));
  }
  CHECK(t.got_ack == 1);
  CHECK_FALSE(t.send(A, 1, 0, 15));
  CHECK(t.reply.conversations() == 1);
  CHECK_FALSE(t.send(A, 1, 0, 16));
  CHECK(t.reply.conversations() == 0);
}

TEST_CASE("Repetitions end when as much was said as was received, and 128", "[voice]") {
  Talk t(std::string(100, 'g'), "");
  t.prove();
  t.later(2000);
  REQUIRE(t.send(PA, 0, 71, 0));
  CHECK(t.text.empty());
  REQUIRE(t.send(PA, 71, 1, 0));
  CHECK(t.text.size() == 100);
  t.later(2000);
  REQUIRE(t.send(PA, 72, 1, 0));
  CHECK(t.text.empty());
}

TEST_CASE("Whatever a client does: one frame a segment, and no more bytes than allowed",
          "[voice]") {
  std::mt19937 dice(GENERATE(1U, 2U, 3U, 4U));
  const auto up_to = [&](std::uint32_t n) { return static_cast<std::uint32_t>(dice() % (n + 1)); };
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t greeting = up_to(128);
    Talk t(std::string(greeting, 'g'),
           std::string(greeting == 0 ? 128 : up_to(128 - greeting), 'a'));
    std::size_t received = up_to(3) == 0 ? up_to(30) : 0;
    t.prove(received);
    std::size_t said = t.text.size();
    std::size_t most = t.text.size();
    std::uint32_t next = static_cast<std::uint32_t>(received);
    for (int i = 0; i < 80 && t.ours; ++i) {
      t.later(static_cast<int>(up_to(2500)));
      const std::uint32_t size = up_to(2) == 0 ? up_to(60) : 0;
      const std::uint32_t from = up_to(4) == 0 ? up_to(next) : next;
      const bool fin = i == 70;
      if (t.send(fin ? FA : A, from, size, up_to(static_cast<std::uint32_t>(most)))) {
        next = std::max(next, t.got_ack - (i >= 70 ? 1U : 0U));
        if (!t.text.empty()) most = std::max(most, t.at + t.text.size());
      }
      said += t.text.size();
      REQUIRE(said <= next + Voice::kMost);
      REQUIRE(most <= Voice::kMost);
    }
  }
}

TEST_CASE("Without a buffer the greeting stays due", "[voice]") {
  rte_mempool* pool = small_pool(1);
  {
    Talk t(kGreeting, "", pool);
    t.syn();
    rte_mbuf* only = rte_pktmbuf_alloc(pool);
    CHECK_FALSE(t.send(A, 0, 0, 0));
    CHECK(t.reply.counters().words == 0);
    rte_pktmbuf_free(only);
    REQUIRE(t.send(A, 0, 0, 0));
    CHECK(t.text == kGreeting);
    CHECK(t.reply.counters().words == 1);
  }
  CHECK(rte_mempool_in_use_count(pool) == 0);
  rte_mempool_free(pool);
}

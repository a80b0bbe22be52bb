// SPDX-License-Identifier: BSD-3-Clause
#include "client.hpp"

using namespace mitibox;
using namespace mitibox::test::talk;

TEST_CASE("Connect, data, FIN: an open, silent service") {
  const bool v6 = GENERATE(false, true);
  const std::uint32_t isn = GENERATE(1000U, 0xfffffffeU, 0x7ffffff0U);
  Box box;
  Client c(box.reply, isn, v6);
  c.connect();
  CHECK(box.reply.conversations() == 1);
  CHECK(box.reply.counters().proofs == 1);
  c.send(PA, 0, 100);
  CHECK(c.acks(100));
  CHECK(c.got_window == 16384);
  c.send(PA, 100, 1460);
  CHECK(c.acks(1560));
  c.send(FA, 1560, 0, at(1000));
  CHECK(c.acks(1561));
  CHECK(c.closes(at(1019)) == 0);
  CHECK(c.closes(at(1020)) == 1);
  CHECK(c.got_sequence == 0);
  CHECK(c.got_ack == 1561);
  CHECK(box.reply.conversations() == 1);
  c.acked = 1;
  CHECK(c.absorbed(A, 1561));
  CHECK(box.reply.conversations() == 0);
  CHECK(c.closes(at(60'000)) == 0);
  // After the end nothing, whatever of it comes again.
  CHECK_FALSE(c.send(A, 1561).ours);
  CHECK_FALSE(c.send(PA, 1561, 10).ours);
  c.acked = 0;
  CHECK_FALSE(c.send(A, 0).ours);
  CHECK_FALSE(c.send(FA, 0).ours);
  CHECK_FALSE(c.send(R, 1561).ours);
  CHECK(box.reply.counters().proofs == 1);
  CHECK(box.reply.counters().bad_cookies == 0);
}

TEST_CASE("A scaled window says the same bytes") {
  Box box;
  Client c(box.reply, 1000, false, {1, 3, 3, 7});
  c.connect();
  c.send(PA, 0, 1);
  CHECK(c.acks(1));
  CHECK(c.got_window == 64);
}

TEST_CASE("The handshake is completed by its first data too, and by a FIN") {
  Box box;
  Client data(box.reply);
  data.syn();
  CHECK(data.send(PA, 0, 18).proof);
  CHECK(data.acks(18));
  // The bare ACK, overtaken, is no second proof.
  CHECK_FALSE(data.send(A, 0).proof);
  CHECK(data.acks(18));

  Client fin(box.reply, 5000);
  fin.probe.source_port = 40001;
  fin.syn();
  CHECK(fin.send(FA, 0, 5).proof);
  CHECK(fin.acks(6));
  CHECK(box.reply.counters().proofs == 2);
}

TEST_CASE("Nothing but the right ACK completes a handshake") {
  Box box;
  Client c(box.reply);
  c.syn();
  for (const std::uint32_t wrong : {1U, 0xffffffffU, 256U, 0x01000000U}) {
    c.acked = wrong;
    CHECK_FALSE(c.send(A, 0).ours);
  }
  c.acked = 0;
  CHECK_FALSE(c.send(A, 1).ours);
  CHECK_FALSE(c.send(A, 0xffffffffU).ours);
  CHECK(box.reply.counters().bad_cookies == 6);
  CHECK_FALSE(c.send(R, 0).ours);
  CHECK_FALSE(c.send(R | A, 0).ours);
  CHECK_FALSE(c.send(tcp::kFin, 0).ours);
  CHECK_FALSE(c.send(tcp::kSyn | A, 0).ours);
  c.probe.source_port = 40001;
  CHECK_FALSE(c.send(A, 0).ours);
  c.probe.source_port = 40000;
  c.probe.source = "198.51.100.8";
  CHECK_FALSE(c.send(A, 0).ours);
  CHECK(box.reply.conversations() == 0);
  CHECK(box.reply.counters().proofs == 0);
  c.probe.source = "198.51.100.7";
  CHECK(c.send(A, 0).proof);
}

TEST_CASE("A cookie holds over one turn of the hour, not over two") {
  Box box;
  Client c(box.reply);
  c.syn(at(3'599'000));
  CHECK_FALSE(c.send(A, 0, 0, at(7'200'000)).ours);
  Box other;
  Client d(other.reply);
  d.syn(at(3'599'000));
  CHECK(d.send(A, 0, 0, at(3'601'000)).proof);
}

TEST_CASE("Repeating the last ACK proves nothing again") {
  Box box;
  Client c(box.reply);
  c.connect();
  for (int i = 0; i < 5; ++i) {
    const auto again = c.send(A, 0);
    CHECK(again.ours);
    CHECK_FALSE(again.proof);
    CHECK_FALSE(c.answered);
  }
  CHECK(box.reply.counters().proofs == 1);
}

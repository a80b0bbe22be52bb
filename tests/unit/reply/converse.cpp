// SPDX-License-Identifier: BSD-3-Clause
#include <vector>

#include "client.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace mitibox::test::talk;

TEST_CASE("Segments that do not fit are told what is expected") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(PA, 100, 50);  // out of order
  CHECK(c.acks(0));
  c.send(FA, 100);
  CHECK(c.acks(0));
  c.send(PA, 0, 100);
  CHECK(c.acks(100));
  c.send(PA, 0, 100);  // repeated
  CHECK(c.acks(100));
  c.send(PA, 50, 100);  // new behind old
  CHECK(c.acks(150));
  c.send(PA, 150 + 16384, 10);  // beyond the window
  CHECK(c.acks(150));
  c.send(PA, 150 + 0x80000000U, 10);  // as far as it can be
  CHECK(c.acks(150));
  c.acked = 1;  // acknowledges what was never sent
  c.send(PA, 150, 10);
  c.acked = 0;
  CHECK(c.got_ack == 150);
  // A bare ACK ahead of lost data needs no answer.
  CHECK(c.absorbed(A, 200));
  CHECK(c.absorbed(0, 150));
}

TEST_CASE("Keepalives are answered, but two ends that disagree do not talk for ever") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(PA, 0, 10);
  c.send(A, 9, 0, at(1000));
  CHECK(c.acks(10));
  CHECK(c.absorbed(A, 9, 0, at(1499)));
  c.send(A, 9, 0, at(1500));
  CHECK(c.acks(10));
  c.acked = 1;
  CHECK(c.absorbed(A, 10, 0, at(1600)));
  c.send(A, 10, 0, at(2000));
  CHECK(c.answered);
  CHECK(c.got_ack == 10);
  CHECK(c.got_sequence == 0);
  c.acked = 0;
  // A keepalive with a byte of old data is not held back.
  c.send(A, 9, 1, at(2001));
  CHECK(c.acks(10));
}

TEST_CASE("RFC 5961: only the exact RST ends, a near one is challenged, others are ignored") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(PA, 0, 10);
  c.send(R, 11, 0, at(1000));
  CHECK(c.acks(10));
  CHECK(c.absorbed(R, 12, 0, at(1001)));  // under the rate
  CHECK(c.absorbed(R, 9, 0, at(3000)));
  CHECK(c.absorbed(R, 10 + 16384, 0, at(3000)));
  c.send(R, 10 + 16383, 0, at(3000));
  CHECK(c.acks(10));
  CHECK(box.reply.conversations() == 1);
  CHECK(c.absorbed(R, 10, 0, at(3001)));
  CHECK(box.reply.conversations() == 0);
  CHECK_FALSE(c.send(PA, 10, 5, at(3002)).ours);
}

TEST_CASE("A repeated FIN gets an ACK, as does data behind it") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(FA, 0, 7);
  CHECK(c.acks(8));
  c.send(FA, 0, 7);
  CHECK(c.acks(8));
  CHECK(c.absorbed(A, 8));  // our FIN is still to come
  CHECK(c.closes(at(20)) == 1);
  CHECK(c.got_sequence == 0);
  CHECK(c.absorbed(A, 8));  // not of our FIN
  CHECK(box.reply.conversations() == 1);
  c.acked = 1;
  c.send(PA, 8, 10);
  CHECK(c.acks(8));
  CHECK(c.absorbed(A, 8));
  CHECK(box.reply.conversations() == 0);
}

TEST_CASE("A FIN is repeated until it is acknowledged, six times at most") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(FA, 0, 0, at(1000));
  std::vector<int> sent;
  for (int ms = 1000; ms < 60'000; ++ms)
    if (c.closes(at(ms)) != 0) sent.push_back(ms - 1000);
  CHECK(sent == std::vector<int>{20, 520, 1520, 3520, 7520, 15'520});
  CHECK(c.got_sequence == 0);
  CHECK(c.got_ack == 1);
  CHECK(box.reply.conversations() == 0);
}

TEST_CASE("In the name of a host the FIN waits for the host's") {
  Box box;
  Client c(box.reply);
  c.connect();
  const Frame any(c.probe);
  box.reply.speak_for_host(any.packet);
  c.send(FA, 0, 0, at(1000));
  const bool late = GENERATE(false, true);
  if (late) CHECK(c.closes(at(9000)) == 0);
  rte_mbuf* const fin = box.reply.host_ended(any.packet, at(late ? 9000 : 1003));
  if (late) {
    REQUIRE(fin != nullptr);
    c.hear(Seen(fin));
    CHECK(c.got_flags == FA);
    CHECK(c.closes(at(9499)) == 0);
    CHECK(c.closes(at(9500)) == 1);
  } else {
    CHECK(fin == nullptr);
    CHECK(c.closes(at(1019)) == 0);
    CHECK(c.closes(at(1020)) == 1);
  }
  CHECK(box.reply.host_ended(any.packet, at(9600)) == nullptr);
}

TEST_CASE("A SYN/ACK out of nowhere is challenged inside a conversation only") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.send(tcp::kSyn | A, 0, 0, at(1000));
  CHECK(c.acks(0));
}

TEST_CASE("Port reuse with a new ISN replaces the conversation, live or ended") {
  Box box;
  Client old(box.reply, 1000);
  old.connect();
  old.send(PA, 0, 10);
  const std::uint32_t next_isn = GENERATE(1500U, 900'000'000U);  // inside and outside the window
  Client fresh(box.reply, next_isn);
  fresh.connect();
  CHECK(box.reply.conversations() == 1);
  fresh.send(PA, 0, 3);
  CHECK(fresh.acks(3));
  fresh.send(R, 3);
  CHECK(box.reply.conversations() == 0);
  Client third(box.reply, next_isn + 77);
  third.connect();
  CHECK(box.reply.conversations() == 1);
  CHECK(box.reply.counters().proofs == 3);
  CHECK(box.reply.counters().conversation_evictions == 0);
}

TEST_CASE("With an empty pool nothing moves on: the peer repeats") {
  rte_mempool* pool = small_pool(1);
  Box box(16, pool);
  Client c(box.reply);
  c.connect();
  rte_mbuf* only = rte_pktmbuf_alloc(pool);
  REQUIRE(only != nullptr);
  CHECK(c.send(PA, 0, 10).answer.reason == Reason::reply_pool);
  CHECK(c.send(FA, 0, 0).answer.reason == Reason::reply_pool);
  rte_pktmbuf_free(only);
  c.send(PA, 0, 10);
  CHECK(c.acks(10));
  c.send(FA, 10);
  CHECK(c.acks(11));
  only = rte_pktmbuf_alloc(pool);
  REQUIRE(only != nullptr);
  CHECK(c.closes(at(20)) == 0);
  rte_pktmbuf_free(only);
  CHECK(c.closes(at(40)) == 1);
}

TEST_CASE("Fragments, other protocols and group addresses are not conversations") {
  Box box;
  Client c(box.reply);
  c.connect();
  c.probe.flags = A;
  c.probe.sequence = 1001;
  c.probe.acknowledgement = c.cookie + 1;
  Frame fragment(c.probe);
  fragment.packet.fragment = Fragment::first;
  CHECK_FALSE(box.reply.converse(fragment.packet, {}).ours);
  Probe mac = c.probe;
  mac.source_mac.bytes[0] = 1;
  CHECK_FALSE(box.reply.converse(Frame(mac).packet, {}).ours);
  Probe udp = c.probe;
  udp.protocol = protocol::kUdp;
  CHECK_FALSE(box.reply.converse(Frame(udp).packet, {}).ours);
}

TEST_CASE("Idle conversations are swept after five minutes, within the budget") {
  Box box;
  Client a(box.reply);
  a.connect();
  Client b(box.reply);
  b.probe.source_port = 40001;
  b.connect();
  Client busy(box.reply);
  busy.probe.source_port = 40002;
  busy.connect();
  busy.send(PA, 0, 1, at(200'000));
  box.reply.sweep(at(299'999), 100);
  CHECK(box.reply.conversations() == 3);
  box.reply.sweep(at(300'000), 1);
  CHECK(box.reply.conversations() == 2);
  box.reply.sweep(at(300'000), 100);
  CHECK(box.reply.conversations() == 1);
  busy.send(PA, 1, 1, at(300'001));
  CHECK(busy.acks(2));
  box.reply.sweep(at(600'001), 100);
  CHECK(box.reply.conversations() == 0);
  CHECK(box.reply.counters().conversation_evictions == 0);
}

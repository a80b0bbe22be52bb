// SPDX-License-Identifier: BSD-3-Clause
#include "talker.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace mitibox::test::talk;

TEST_CASE("A voice greets at the proof, answers the first data once, and closes as any",
          "[voice]") {
  Talk t;
  if (GENERATE(false, true)) {
    t.probe.source = "2001:db8:ffff::7";
    t.probe.destination = "2001:db8:1::10";
  }
  REQUIRE(t.prove());
  CHECK(t.text == kGreeting);
  CHECK(t.got_flags == PA);
  CHECK(t.at == 0);
  CHECK(t.got_ack == 0);
  CHECK_FALSE(t.send(A, 0, 0, 15));
  REQUIRE(t.send(PA, 0, 10, 15));
  CHECK(t.text == kAnswer);
  CHECK(t.at == 15);
  CHECK(t.got_ack == 10);
  CHECK_FALSE(t.send(A, 10, 0, 27));
  REQUIRE(t.send(PA, 10, 10, 27));
  CHECK(t.text.empty());
  CHECK(t.got_flags == A);
  CHECK(t.at == 27);
  CHECK(t.got_ack == 20);
  REQUIRE(t.send(FA, 20, 0, 27));
  CHECK(t.got_flags == A);
  CHECK(t.at == 27);
  REQUIRE(t.ends());
  CHECK(t.at == 27);
  CHECK(t.got_ack == 21);
  CHECK_FALSE(t.send(A, 21, 0, 28));
  CHECK(t.reply.conversations() == 0);
  CHECK(t.reply.counters().words == 2);
  CHECK(t.reply.counters().words_again == 0);
}

TEST_CASE("Without a greeting the client speaks first, without an answer nothing follows",
          "[voice]") {
  Talk http("", "HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK_FALSE(http.prove());
  REQUIRE(http.send(PA, 0, 18, 0));
  CHECK(http.text == "HTTP/1.1 400 Bad Request\r\n\r\n");
  CHECK(http.got_ack == 18);
  Talk ssh("SSH-2.0-x\r\n", "");
  REQUIRE(ssh.prove());
  REQUIRE(ssh.send(PA, 0, 18, 11));
  CHECK(ssh.text.empty());
  CHECK(ssh.at == 11);
}

TEST_CASE("With data at the proof, or with the FIN, all that is due goes in one segment",
          "[voice]") {
  Talk t;
  REQUIRE(t.prove(5));
  CHECK(t.text == kGreeting + kAnswer);
  CHECK(t.got_ack == 5);
  Talk brief("", "HTTP/1.0 400 Bad\r\n\r\n");
  brief.prove();
  REQUIRE(brief.send(FA | tcp::kPsh, 0, 18, 0));
  CHECK(brief.text == "HTTP/1.0 400 Bad\r\n\r\n");
  CHECK(brief.got_flags == PA);
  CHECK(brief.at == 0);
  CHECK(brief.got_ack == 19);
  REQUIRE(brief.ends());
  CHECK(brief.at == 20);
  CHECK_FALSE(brief.send(A, 19, 0, 21));
  CHECK(brief.reply.conversations() == 0);
}

TEST_CASE("A FIN without data asks for nothing", "[voice]") {
  Talk t("", kAnswer);
  t.prove();
  REQUIRE(t.send(FA, 0, 0, 0));
  CHECK(t.text.empty());
  CHECK(t.got_flags == A);
  REQUIRE(t.ends());
  CHECK(t.at == 0);
}

TEST_CASE("A voice says no more than the client's window takes", "[voice]") {
  Talk t(kGreeting, "");
  const bool scaled = GENERATE(false, true);
  t.syn(scaled ? Bytes{1, 3, 3, 3} : Bytes{});
  t.window = scaled ? 1 : 14;  // 8, or 14 bytes
  CHECK_FALSE(t.send(A, 0, 0, 0));
  t.window = scaled ? 2 : 15;
  REQUIRE(t.send(A, 0, 0, 0));
  CHECK(t.text == kGreeting);
}

TEST_CASE("A port without a voice is silent, and a new conversation starts anew", "[voice]") {
  Talk t;
  REQUIRE(t.prove());
  t.send(PA, 0, 3, 0);
  t.probe.source_port = 40001;
  t.probe.destination_port = 444;
  CHECK_FALSE(t.prove());
  t.probe.source_port = 40000;
  t.probe.destination_port = 443;
  t.send(R, 3, 0, 0);
  CHECK(t.reply.conversations() == 1);
  t.syn({1, 1, 4, 2});  // another cookie, but the ISN of before: old segments of it may be about
  CHECK_FALSE(t.send(A, 0, 0, 0));
  CHECK_FALSE(t.ours);
  Talk again;
  REQUIRE(again.prove());
  again.probe.sequence = 5000;
  again.probe.flags = tcp::kSyn;
  again.probe.payload.clear();
  const std::uint32_t cookie =
      Seen(again.reply.open(Frame(again.probe).packet, again.now).frame).sequence();
  again.probe.sequence = 5001;
  again.probe.acknowledgement = cookie + 1;
  again.probe.flags = A;
  const Talk::Frame proof(again.probe);
  const auto c = again.reply.converse(proof.packet, again.now);
  REQUIRE(c.proof);
  const Seen seen(again.reply.give_voice(proof.packet, c.answer, again.now).frame);
  CHECK(seen.sequence() == cookie + 1);
  CHECK(seen.ip_length() == 40 + kGreeting.size());
}

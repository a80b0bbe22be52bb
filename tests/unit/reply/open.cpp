// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "../packet/probe_frames.hpp"
#include "reply/reply.hpp"

using namespace mitibox;
using namespace mitibox::test;

namespace {

const Secrets kSecrets = Secrets::derive({5, 6});

std::string unique_name() {
  static int number = 0;
  return "open" + std::to_string(number++);
}

struct Box {
  explicit Box(const Policy& policy = {}, rte_mempool* pool = probe_pool())
      : reply(policy, kSecrets, pool, 16, unique_name()) {}
  Reply reply;
};

Policy unreachable_policy() {
  Policy policy;
  policy.reply.udp = Policy::UdpReply::unreachable;
  return policy;
}

Probe probe_of(bool v6) {
  Probe p;
  if (v6) {
    p.source = "2001:db8:ffff::7";
    p.destination = "2001:db8:1::10";
  }
  return p;
}

const Bytes kScale{1, 3, 3, 7};
const Bytes kSack{1, 1, 4, 2};
const Bytes kBoth{1, 3, 3, 7, 1, 1, 4, 2};

}  // namespace

TEST_CASE("R-1: the four layouts of a SYN/ACK") {
  struct Row {
    Bytes options, answered;
    std::size_t length;
  };
  const bool v6 = GENERATE(false, true);
  const std::uint8_t low = v6 ? 0xa0 : 0xb4;
  const Row row =
      GENERATE_COPY(Row{kBoth, {2, 4, 5, low, 1, 3, 3, 8, 1, 1, 4, 2}, 52},
                    Row{kScale, {2, 4, 5, low, 1, 3, 3, 8}, 48},
                    Row{kSack, {2, 4, 5, low, 1, 1, 4, 2}, 48}, Row{{}, {2, 4, 5, low}, 44});
  Box box;
  Probe p = probe_of(v6);
  p.options = row.options;
  p.sequence = 0xffffffff;
  p.tags = 2;
  p.payload.assign(20, 7);  // data of a SYN is not acknowledged
  const Frame syn(p);
  const Reply::Answer answer = box.reply.open(syn.packet, {});
  CHECK(answer.reason == Reason::answered);
  const Seen seen(answer.frame);
  CHECK(seen.sound());
  CHECK(seen.ip_length() == row.length + (v6 ? 20U : 0U));
  CHECK(seen.tcp_options() == row.answered);
  CHECK(seen.acknowledgement() == 0);
  CHECK(seen.flags() == 0x12);
  CHECK(seen.window() == 8192);
  CHECK(seen.u16(seen.l4 + 18) == 0);
  CHECK(seen.ttl() == 128);
  if (v6) {
    CHECK(seen.u32(seen.l3) >> 20U == 0x600);
  } else {
    CHECK(seen.u16(seen.l3) == 0x4500);
    CHECK(seen.u16(seen.l3 + 6) == 0x4000);
    CHECK(seen.id() != 0);
  }
  CHECK(box.reply.counters().syn_acks == 1);
  CHECK(box.reply.conversations() == 0);
}

TEST_CASE("A SYN/ACK is at most 4 bytes longer than any SYN") {
  const bool v6 = GENERATE(false, true);
  Box box;
  // Every arrangement of the two options that fits, without alignment, in each header length.
  const std::vector<Bytes> packed{{}, {3, 3, 7}, {4, 2}, {3, 3, 7, 4, 2}, {4, 2, 3, 3, 7}};
  for (const Bytes& options : packed)
    for (std::size_t words = (options.size() + 3) / 4; words <= 10; ++words) {
      Probe p = probe_of(v6);
      p.options = options;
      p.options.resize(words * 4, 0);
      const Frame syn(p);
      const Seen seen(box.reply.open(syn.packet, {}).frame);
      REQUIRE(seen.sound());
      REQUIRE(seen.ip_length() <= syn.ip_length() + 4);
    }
}

TEST_CASE("R-2: a repeated SYN gets the same ISN, another SYN another") {
  Box box;
  Probe p;
  const auto isn = [&](const Probe& probe, Now now) {
    return Seen(box.reply.open(Frame(probe).packet, now).frame).sequence();
  };
  const std::uint32_t first = isn(p, {});
  CHECK(isn(p, Now(std::chrono::seconds(50))) == first);
  p.sequence += 1;
  CHECK(isn(p, {}) != first);
  p.sequence -= 1;
  p.destination_port = 80;
  CHECK(isn(p, {}) != first);
  p.destination_port = 443;
  p.options = kSack;
  CHECK(isn(p, {}) != first);
}

TEST_CASE("Only a bare SYN opens") {
  Box box;
  for (const int flags : {0x00, 0x01, 0x03, 0x04, 0x06, 0x10, 0x12, 0x14, 0x29}) {
    Probe p;
    p.flags = static_cast<std::uint8_t>(flags);
    const Reply::Answer answer = box.reply.open(Frame(p).packet, {});
    CHECK(answer.frame == nullptr);
    CHECK(answer.reason == Reason::reply_silent);
  }
}

TEST_CASE("IPv4 identifiers are never 0, hardly repeat, and follow from the key alone") {
  Box a;
  Box b;
  const Frame syn{Probe{}};
  std::set<std::uint32_t> ids;
  std::set<std::uint32_t> steps;
  std::uint32_t last = 0;
  for (int i = 0; i < 70000; ++i) {
    const std::uint32_t id = Seen(a.reply.open(syn.packet, {}).frame).id();
    REQUIRE(id != 0);
    if (i < 100) REQUIRE(id == Seen(b.reply.open(syn.packet, {}).frame).id());
    if (i < 1000) steps.insert((id - last) & 0xffffU);
    last = id;
    ids.insert(id);
  }
  CHECK(steps.size() > 950);
  // 65535 * (1 - e^-1.068): uniform draws.
  CHECK(ids.size() > 42500);
  CHECK(ids.size() < 44000);
}

TEST_CASE("R-8: echo is answered in full, without DF or TOS") {
  const bool v6 = GENERATE(false, true);
  const std::size_t size = GENERATE(0U, 55U, 1472U);
  Box box;
  Probe p = probe_of(v6);
  p.protocol = v6 ? protocol::kIcmpv6 : protocol::kIcmp;
  p.sequence = 3;
  p.payload.assign(size, 0xa5);
  const Frame request(p);
  const Reply::Answer answer = box.reply.open(request.packet, {});
  CHECK(answer.reason == Reason::answered);
  const Seen seen(answer.frame);
  CHECK(seen.sound());
  CHECK(seen.ip_length() == request.ip_length());
  CHECK(seen.ttl() == 128);
  CHECK(seen.u8(seen.l4) == (v6 ? 129U : 0U));
  CHECK(seen.part(seen.l4 + 8, seen.bytes.size()) == p.payload);
  if (!v6) {
    CHECK(seen.u8(seen.l3 + 1) == 0);
    CHECK(seen.u16(seen.l3 + 6) == 0);
    CHECK(seen.id() != 0);
  }
  CHECK(box.reply.counters().echoes == 1);
}

TEST_CASE("An echo reply, other ICMP, fragments and other protocols meet silence") {
  Box box(unreachable_policy());
  Probe p;
  p.protocol = protocol::kIcmp;
  {
    const Frame f(p);
    f.packet.icmp().type = icmp4::kEchoReply;
    CHECK(box.reply.open(f.packet, {}).reason == Reason::reply_silent);
  }
  {
    Frame f(p);
    f.packet.fragment = Fragment::first;
    CHECK(box.reply.open(f.packet, {}).frame == nullptr);
  }
  Frame later{Probe{}};
  later.packet.fragment = Fragment::later;
  CHECK(box.reply.open(later.packet, {}).reason == Reason::reply_silent);
  p.protocol = 47;
  p.payload.assign(40, 1);
  CHECK(box.reply.open(Frame(p).packet, {}).reason == Reason::reply_silent);
  // ICMP of the other family is another protocol.
  p.protocol = protocol::kIcmpv6;
  CHECK(box.reply.open(Frame(p).packet, {}).reason == Reason::reply_silent);
}

TEST_CASE("UDP is silent unless the policy says unreachable") {
  Box box;
  Probe p;
  p.protocol = protocol::kUdp;
  p.payload.assign(200, 1);
  const Reply::Answer answer = box.reply.open(Frame(p).packet, {});
  CHECK(answer.frame == nullptr);
  CHECK(answer.reason == Reason::reply_silent);
}

TEST_CASE("A port unreachable is never longer than what asked") {
  const bool v6 = GENERATE(false, true);
  Box box(unreachable_policy());
  const std::size_t enough = v6 ? 48 : 28;  // ICMP header and quote, less the UDP header
  for (std::size_t size = 0; size <= 100; ++size) {
    Probe p = probe_of(v6);
    p.protocol = protocol::kUdp;
    p.payload.assign(size, 1);
    const Frame probe(p);
    const Reply::Answer answer = box.reply.open(probe.packet, {});
    REQUIRE((answer.frame != nullptr) == (size >= enough));
    if (answer.frame == nullptr) {
      REQUIRE(answer.reason == Reason::reply_silent);
      continue;
    }
    const Seen seen(answer.frame);
    REQUIRE(seen.sound());
    REQUIRE(seen.ip_length() <= probe.ip_length());
    REQUIRE(seen.u16(seen.l4) == (v6 ? 0x0104U : 0x0303U));
    REQUIRE(seen.ttl() == 128);
  }
}

TEST_CASE("Probes that must get no answer are refused by name") {
  Box box(unreachable_policy());
  const int protocol = GENERATE(6, 17, 1);
  Probe p;
  p.protocol = static_cast<std::uint8_t>(protocol);
  p.payload.assign(64, 0);
  const auto refused = [&](const Probe& probe) {
    const Reply::Answer a = box.reply.open(Frame(probe).packet, {});
    const Reply::Answer c = box.reply.challenge(Frame(probe).packet, {});
    return a.frame == nullptr && a.reason == Reason::reply_refused && c.frame == nullptr &&
           c.reason == Reason::reply_refused;
  };
  for (const char* source : {"255.255.255.255", "224.0.0.5", "0.0.0.0", "127.0.0.1"}) {
    Probe bad = p;
    bad.source = source;
    CHECK(refused(bad));
  }
  Probe group = p;
  group.destination = "239.255.0.1";
  CHECK(refused(group));
  Probe mac = p;
  mac.source_mac.bytes[0] |= 1U;
  CHECK(refused(mac));
}

TEST_CASE("An empty pool is named, and costs no counter") {
  rte_mempool* pool = small_pool(1);
  rte_mbuf* only = rte_pktmbuf_alloc(pool);
  Policy policy = unreachable_policy();
  Box box(policy, pool);
  for (const int protocol : {6, 17, 1}) {
    Probe p;
    p.protocol = static_cast<std::uint8_t>(protocol);
    p.payload.assign(64, 0);
    const Reply::Answer answer = box.reply.open(Frame(p).packet, {});
    CHECK(answer.frame == nullptr);
    CHECK(answer.reason == Reason::reply_pool);
  }
  CHECK(box.reply.challenge(Frame(Probe{}).packet, {}).reason == Reason::reply_pool);
  CHECK(box.reply.counters().syn_acks == 0);
  CHECK(box.reply.counters().echoes == 0);
  CHECK(box.reply.counters().unreachables == 0);
  rte_pktmbuf_free(only);
  Seen(box.reply.open(Frame(Probe{}).packet, {}).frame);
  CHECK(rte_mempool_avail_count(pool) == 1);
}

TEST_CASE("A challenge says the numbers it was given, in the name of the destination") {
  const bool v6 = GENERATE(false, true);
  Box box;
  Probe p = probe_of(v6);
  p.tags = 1;
  const Frame syn(p);
  const Reply::Answer answer = box.reply.challenge(syn.packet, {0x80000001, 0x7fffffff, 0x1234});
  CHECK(answer.reason == Reason::challenge);
  const Seen seen(answer.frame);
  CHECK(seen.sound());
  CHECK(seen.flags() == 0x10);
  CHECK(seen.sequence() == 0x80000001);
  CHECK(seen.acknowledgement() == 0x7fffffff);
  CHECK(seen.window() == 0x1234);
  CHECK(seen.u16(seen.l4) == 443);
  CHECK(seen.ip_length() <= syn.ip_length());
}

TEST_CASE("A pool with buffers for some of a burst answers those, and leaks none") {
  const bool v6 = GENERATE(false, true);
  rte_mempool* const pool = small_pool(10);
  {
    Box box({}, pool);
    std::vector<std::unique_ptr<Frame>> frames;
    std::vector<const Packet*> probes;
    for (std::uint16_t i = 0; i < kBurst; ++i) {
      Probe p = probe_of(v6);
      p.source_port = static_cast<std::uint16_t>(1000 + i);
      frames.push_back(std::make_unique<Frame>(p));
      probes.push_back(&frames.back()->packet);
    }
    std::array<Reply::Answer, kBurst> answers;
    box.reply.open(probes, {}, answers);
    for (std::size_t i = 0; i < kBurst; ++i) {
      CHECK((answers[i].frame != nullptr) == (i < 10));
      CHECK(answers[i].reason == (i < 10 ? Reason::answered : Reason::reply_pool));
      if (answers[i].frame != nullptr) CHECK(Seen(answers[i].frame).sound());
    }
    CHECK(box.reply.counters().syn_acks == 10);
  }
  CHECK(rte_mempool_in_use_count(pool) == 0);
  rte_mempool_free(pool);
}

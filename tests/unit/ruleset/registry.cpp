// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/registry.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace mitibox;
using namespace std::chrono_literals;
using Catch::Contains;
using State = FoundService::State;

namespace {

constexpr Date kStart{std::chrono::seconds(1'750'000'000)};
constexpr auto kDay = std::chrono::seconds(86400);

Address ip(std::string_view text) {
  return parse_address(text).value();
}

Destination port_at(std::string_view address, std::uint16_t port) {
  return {ip(address), port, protocol::kTcp};
}

Policy policy(Seconds length = 7 * kDay) {
  Policy p;
  p.protected_prefixes = {*parse_prefix("203.0.113.0/24"), *parse_prefix("2001:db8:1::/64")};
  p.gateways = {ip("203.0.113.1")};
  p.learn.length = length;
  p.learn.ports = {{1, 65535}};
  return p;
}

/// A registry that learns.
Registry learner(const Policy& p = policy()) {
  Registry r(p);
  REQUIRE(r.learn(kStart));
  return r;
}

const Destination kWeb = port_at("203.0.113.10", 443);

bool teach(Registry& r, const Destination& d, Date now) {
  r.note(d, ip("198.51.100.1"), now);
  r.note(d, ip("198.51.101.1"), now);
  return r.note(d, ip("198.51.102.1"), now);
}

}  // namespace

TEST_CASE("A destination is learned once it has answered three networks") {
  Registry r = learner();
  CHECK_FALSE(r.note(kWeb, ip("198.51.100.1"), kStart));
  CHECK_FALSE(r.note(kWeb, ip("198.51.100.2"), kStart));  // the same /24
  CHECK_FALSE(r.note(kWeb, ip("198.51.100.1"), kStart));
  CHECK_FALSE(r.note(kWeb, ip("198.51.101.1"), kStart + 1h));
  CHECK(r.services(kStart + 1h).empty());
  CHECK(r.candidates() == 1);
  CHECK(r.note(kWeb, ip("192.0.2.1"), kStart + 2h));
  CHECK(r.candidates() == 0);
  REQUIRE(r.services(kStart + 2h).size() == 1);
  CHECK(r.find(kWeb)->prefixes == 3);
  CHECK(r.find(kWeb)->first_seen == kStart + 2h);
  CHECK_FALSE(r.note(kWeb, ip("192.0.3.1"), kStart + 3h));  // known
  CHECK(r.find(kWeb)->last_seen == kStart + 3h);

  const Destination six = port_at("2001:db8:1::10", 443);
  r.note(six, ip("2001:db8:7:1::1"), kStart);
  r.note(six, ip("2001:db8:7:2::1"), kStart);  // the same /48
  r.note(six, ip("2001:db8:8::1"), kStart);
  CHECK(r.find(six) == nullptr);
  CHECK(r.note(six, ip("198.51.100.1"), kStart));
}

TEST_CASE("Nothing is learned outside of the period, the protected, or TCP") {
  Registry r = learner();
  CHECK_FALSE(teach(r, port_at("198.51.100.10", 443), kStart));
  CHECK_FALSE(teach(r, port_at("203.0.113.1", 443), kStart));  // the gateway
  CHECK_FALSE(teach(r, {ip("203.0.113.10"), 53, protocol::kUdp}, kStart));
  CHECK_FALSE(teach(r, port_at("203.0.113.10", 0), kStart));
  CHECK(r.entries().empty());
  CHECK(r.candidates() == 0);

  r.note(kWeb, ip("198.51.100.1"), kStart);
  CHECK(r.learn(kStart + 7 * kDay - 1s));
  CHECK_FALSE(r.learn(kStart + 7 * kDay));
  CHECK(r.candidates() == 0);
  CHECK_FALSE(teach(r, kWeb, kStart + 7 * kDay));

  Registry off{policy(0s)};
  CHECK_FALSE(off.learn(kStart));
  CHECK_FALSE(off.learning_since());
  CHECK_FALSE(teach(off, kWeb, kStart));
}

TEST_CASE("The learning period begins once, and anew when it has been turned off") {
  Registry r = learner();
  CHECK(r.learn(kStart + kDay));
  CHECK(r.learning_since() == kStart);
  CHECK(r.learn(kStart - kDay));  // the clock was set back
  CHECK(r.learning_since() == kStart - kDay);
  CHECK_FALSE(r.learn(kStart + 8 * kDay));
  r.obey(policy(0s));
  CHECK_FALSE(r.learn(kStart + 8 * kDay));
  r.obey(policy());
  CHECK(r.learn(kStart + 9 * kDay));
  CHECK(r.learning_since() == kStart + 9 * kDay);
}

TEST_CASE("The learning period does not begin while the box only watches") {
  Policy watching = policy();
  watching.mode = Policy::Mode::monitor;
  Registry r(watching);
  CHECK_FALSE(r.learn(kStart));
  CHECK_FALSE(r.learning_since());
  r.obey(policy());
  CHECK(r.learn(kStart + kDay));
  CHECK(r.learning_since() == kStart + kDay);
}

TEST_CASE("What is learned expires unless it is used") {
  Registry r = learner();
  teach(r, kWeb, kStart);
  CHECK(r.services(kStart + 30 * kDay - 1s).size() == 1);
  CHECK(r.services(kStart + 30 * kDay).empty());  // before it is swept
  r.hit(kWeb, 5, kStart + 20 * kDay);
  r.hit(port_at("203.0.113.11", 80), 1, kStart);  // unknown
  CHECK(r.find(kWeb)->hits == 5);
  CHECK(r.age(kStart + 49 * kDay) == 0);
  CHECK(r.services(kStart + 49 * kDay).size() == 1);
  CHECK(r.age(kStart + 50 * kDay) == 1);
  CHECK(r.entries().empty());
}

TEST_CASE("Scans replace each other, and expire") {
  Registry r(policy(0s));
  const Destination mail = port_at("203.0.113.25", 25);
  const Destination dns{ip("203.0.113.53"), 53, protocol::kUdp};
  const std::vector<Destination> first{kWeb, mail, port_at("10.0.0.1", 80),
                                       port_at("203.0.113.1", 22)};
  const auto done = r.import("/lan.xml", kStart, 2 * kDay, first, kStart + 1h);
  CHECK(done.added == 2);
  CHECK(done.foreign == 2);
  CHECK(r.find(kWeb)->first_seen == kStart);

  // The next day mail is gone, and DNS is there.
  const std::vector<Destination> second{kWeb, dns};
  const auto next = r.import("/lan.xml", kStart + kDay, 2 * kDay, second, kStart + kDay + 1h);
  CHECK(next.added == 1);
  CHECK(next.renewed == 1);
  CHECK(r.services(kStart + kDay + 1h).size() == 3);
  CHECK(r.services(kStart + 2 * kDay).size() == 2);
  CHECK(r.age(kStart + 2 * kDay) == 1);
  CHECK(r.find(mail) == nullptr);

  // An old scan that is read again changes nothing.
  r.import("/lan.xml", kStart, 2 * kDay, std::vector{kWeb}, kStart + kDay + 2h);
  CHECK(r.find(kWeb)->scanned == kStart + kDay);
  CHECK(r.import("/lan.xml", kStart, 2 * kDay, first, kStart + 2 * kDay).expired);
  // A scan of tomorrow is one of today.
  r.import("/fast.xml", kStart + 9 * kDay, 2 * kDay, std::vector{mail}, kStart + 2 * kDay);
  CHECK(r.find(mail)->scanned == kStart + 2 * kDay);
  // Use does not prolong what a scan says.
  r.hit(kWeb, 1, kStart + 3 * kDay);
  CHECK(r.age(kStart + 4 * kDay) == 3);
}

TEST_CASE("What is learned and imported lasts as long as either") {
  Registry r = learner();
  teach(r, kWeb, kStart);
  r.import("/lan.xml", kStart, 60 * kDay, std::vector{kWeb}, kStart);
  CHECK(r.age(kStart + 31 * kDay) == 0);
  CHECK(r.find(kWeb)->prefixes == 0);
  CHECK(r.find(kWeb)->imported());
  CHECK(r.age(kStart + 60 * kDay) == 1);
}

TEST_CASE("By hand: pinned stays, refused never comes back, forgotten may") {
  Registry r = learner();
  CHECK_FALSE(r.pin(kWeb));
  CHECK_FALSE(r.forget(kWeb));
  teach(r, kWeb, kStart);
  CHECK(r.pin(kWeb));
  CHECK(r.age(kStart + 365 * kDay) == 0);
  CHECK(r.services(kStart + 365 * kDay).size() == 1);
  CHECK(r.find(kWeb)->prefixes == 3);  // still says why

  CHECK(r.refuse(kWeb, kStart));
  CHECK(r.services(kStart).empty());
  CHECK_FALSE(teach(r, kWeb, kStart));
  CHECK(r.import("/lan.xml", kStart, kDay, std::vector{kWeb}, kStart).refused == 1);
  CHECK(r.services(kStart).empty());
  CHECK(r.age(kStart + 365 * kDay) == 0);

  const Destination other = port_at("203.0.113.10", 8080);
  CHECK(r.refuse(other, kStart));  // before it is found
  CHECK_FALSE(teach(r, other, kStart));

  CHECK(r.forget(kWeb));
  CHECK(teach(r, kWeb, kStart));
  CHECK(r.services(kStart).size() == 1);
}

TEST_CASE("Another policy may leave entries out, and take them up again") {
  Registry r = learner();
  teach(r, kWeb, kStart);
  Policy narrow = policy();
  narrow.protected_prefixes = {*parse_prefix("203.0.113.128/25")};
  r.obey(narrow);
  CHECK(r.services(kStart).empty());
  r.obey(policy());
  CHECK(r.services(kStart).size() == 1);
}

TEST_CASE("Both lists are bounded") {
  Policy p = policy();
  p.protected_prefixes = {*parse_prefix("10.0.0.0/8")};
  p.learn.prefixes = 2;
  Registry r = learner(p);
  const auto at = [](std::uint32_t i) {
    return Destination{Address(be32(0x0a000000U + i / 8)), static_cast<std::uint16_t>(80 + i % 8),
                       protocol::kTcp};
  };
  for (std::uint32_t i = 0; i < Registry::kCandidates + 5; ++i)
    r.note(at(i), ip("198.51.100.1"), kStart);
  CHECK(r.candidates() == Registry::kCandidates);
  CHECK(r.dropped() == 5);
  for (std::uint32_t i = 0; i < Registry::kCandidates; ++i)
    r.note(at(i), ip("198.51.101.1"), kStart);
  CHECK(r.entries().size() == Registry::kEntries);
  const std::vector<Destination> more{at(1), at(Registry::kEntries + 1)};
  CHECK(r.import("/x", kStart, kDay, more, kStart).full == 1);
  CHECK_FALSE(r.refuse(at(Registry::kEntries + 2), kStart));
  CHECK(r.dropped() == 7);
  Registry copy(p);
  CHECK(copy.restore(r.save()).empty());
  CHECK(copy.entries().size() == Registry::kEntries);
}

TEST_CASE("The registry outlives a process") {
  Registry r = learner();
  teach(r, kWeb, kStart);
  r.hit(kWeb, 7, kStart + 1h);
  r.note(port_at("203.0.113.11", 22), ip("198.51.100.1"), kStart);
  const Destination dns{ip("2001:db8:1::53"), 53, protocol::kUdp};
  r.import("/var/lib/\x01scan\xff.xml", kStart, kDay, std::vector{dns}, kStart);
  r.refuse(port_at("203.0.113.12", 22), kStart);
  const std::string text = r.save();

  Registry next{policy()};
  REQUIRE(next.restore(text).empty());
  CHECK(next.save() == text);
  CHECK(next.learning_since() == kStart);
  CHECK(next.find(kWeb)->hits == 7);
  CHECK(next.find(dns)->file == "/var/lib/\\x01scan\\xff.xml");
  CHECK(next.find(port_at("203.0.113.12", 22))->state == State::refused);
  next.note(port_at("203.0.113.11", 22), ip("198.51.101.1"), kStart);
  CHECK(next.note(port_at("203.0.113.11", 22), ip("198.51.102.1"), kStart));
}

TEST_CASE("Text that is no registry is refused, and changes nothing") {
  Registry r = learner();
  teach(r, kWeb, kStart);
  const std::string sound = r.save();
  const auto with = [&](const char* pointer, const nlohmann::json& value) {
    auto all = nlohmann::json::parse(sound);
    all[nlohmann::json::json_pointer(pointer)] = value;
    return all.dump();
  };
  CHECK_THAT(r.restore(""), Contains("not JSON"));
  CHECK_THAT(r.restore("{"), Contains("not JSON"));
  CHECK_THAT(r.restore("[]"), Contains("no object"));
  CHECK_THAT(r.restore("7"), Contains("no object"));
  CHECK_THAT(r.restore("{}"), Contains("lacks \"version\""));
  CHECK_THAT(r.restore(with("/version", 2)), Contains("found layout 2, expected 1"));
  CHECK_THAT(r.restore(with("/learning_since", -1)), Contains("learning_since"));
  CHECK_THAT(r.restore(with("/learning_since", 1e300)), Contains("learning_since"));
  CHECK_THAT(r.restore(with("/entries", 3)), Contains("no list"));
  CHECK_THAT(r.restore(with("/entries/0", 3)), Contains("no object"));
  CHECK_THAT(r.restore(with("/entries/0/address", "x")), Contains("no address"));
  CHECK_THAT(r.restore(with("/entries/0/port", 0)), Contains("port"));
  CHECK_THAT(r.restore(with("/entries/0/port", 65536)), Contains("port"));
  CHECK_THAT(r.restore(with("/entries/0/protocol", "sctp")), Contains("port"));
  CHECK_THAT(r.restore(with("/entries/0/state", "odd")), Contains("state"));
  CHECK_THAT(r.restore(with("/entries/0/prefixes", 9)), Contains("prefixes"));
  CHECK_THAT(r.restore(with("/entries/0/last_seen", std::uint64_t{1} << 63U)),
             Contains("last_seen"));
  CHECK_THAT(r.restore(with("/entries/0/file", std::string(300, 'x'))), Contains("too long"));
  CHECK_THAT(r.restore(with("/entries/0/file", "x")), Contains("scanned"));
  CHECK_THAT(r.restore(with("/candidates", nlohmann::json::array({3}))), Contains("no object"));
  CHECK_THAT(r.restore(std::string(1000000, '[')), Contains("not JSON"));
  CHECK(r.save() == sound);

  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = sound;
    for (unsigned n = 1 + random() % 4; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    Registry other{policy()};
    if (other.restore(bytes).empty()) static_cast<void>(other.services(kStart));
  }
}

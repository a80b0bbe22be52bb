// SPDX-License-Identifier: BSD-3-Clause
// What is gathered of a box, and what Prometheus and the page are given of it.
#include "control/insight.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/exposition.hpp"
#include "control/http_pages.hpp"
#include "control/levels.hpp"
#include "control/live.hpp"
#include "control/top.hpp"
#include "fake_box.hpp"

using namespace mitibox;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr Time kNow = 1000s;

TopOf::Row row(const char* address, std::uint64_t count, TrustLevel level = {}) {
  TopOf::Row r;
  r.item = {parse_address(address).value(), 0, 0};
  r.count = count;
  r.seen = static_cast<std::uint32_t>(count);
  r.last = kNow;
  r.level = level;
  return r;
}

Policy with_levels() {
  Policy p = test::plain_policy();
  p.trust.distrusted = Seconds(600);
  p.trust.partial = {{0.5, Seconds(300)}, {0.25, Seconds(200)}};
  return p;
}

/// Two workers; these heavy hitters are the first one's.
struct FakeBox : test::FakeBox {
  FakeBox() : test::FakeBox(with_levels()) {
    told.version = "1.2\"3";
    told.uptime = 77s;
    told.ports[0] = {"net_\xff", "02:00:00:00:00:01", true, 10000};
    told.warnings = {"a <b>remark</b>"};
  }
  [[nodiscard]] unsigned workers() const override { return 2; }
  void ask(unsigned worker, Errand& errand) override {
    auto* const top = dynamic_cast<TopOf*>(&errand);
    if (top == nullptr || worker == silent) {
      stands_still = worker == silent;
      return test::FakeBox::ask(worker, errand);
    }
    ++asked;
    // Those of sources it still gives.
    if (no_top && top->what == TopOf::What::destinations) throw ControlError("no answer");
    const auto& rows = top->what == TopOf::What::sources ? sources : destinations;
    top->count = worker == 0 ? rows.size() : 0;
    std::copy_n(rows.begin(), top->count, top->rows.begin());
    top->over = true;
    top->asked_at = kNow;
  }

  std::vector<TopOf::Row> sources;
  std::vector<TopOf::Row> destinations;
  unsigned silent = 99;
  bool no_top = false;
};

TrustLevel level(unsigned number, Time since, Time until) {
  TrustLevel level;
  level.number = number;
  level.divert = 0.5;
  level.since = since;
  level.until = until;
  level.proven = true;
  return level;
}

}  // namespace

TEST_CASE("insight: how long until a source is forgiven", "[control][insight]") {
  FakeBox box;
  box.sources = {
      row("198.51.100.1", 9, level(1, kNow - 500s, kNow + 100s)),  // then 300 s and 200 s
      row("198.51.100.2", 8, level(2, kNow - 250s, kNow + 50s)),   // then 200 s
      row("198.51.100.3", 7, level(3, kNow - 199s, kNow + 1s)),    // then nothing
      row("198.51.100.4", 6, level(1, kNow - 10s, kNow + 50s)),    // a tenth of all of it
      row("198.51.100.5", 5),
      row("198.51.100.6", 4, level(1, kNow, kNow + 48h)),  // by hand: no longer thereafter
  };
  const Insight in = gather(box);
  REQUIRE(in.sources.size() == 6);
  const double wanted[] = {600, 250, 1, 50 + 30 + 20, 0, 172'800 + 300 + 200};
  const double left[] = {100, 50, 1, 50, 0, 172'800};
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(in.sources[i].forgiven == Approx(wanted[i]));
    CHECK(in.sources[i].left == Approx(left[i]));
  }
}

TEST_CASE("insight: a worker that stands still is asked once, and said to", "[control][insight]") {
  FakeBox box;
  box.sources = {row("198.51.100.1", 9)};
  box.silent = 1;
  const Insight in = gather(box);
  CHECK(box.asked == 1);
  REQUIRE(in.workers.size() == 2);
  CHECK(in.workers[0].answers);
  CHECK_FALSE(in.workers[1].answers);
  CHECK(in.sources.empty());
  const std::string text = exposition(in);
  CHECK(text.find("mitibox_worker_answers{worker=\"0\"} 1\n") != text.npos);
  CHECK(text.find("mitibox_worker_answers{worker=\"1\"} 0\n") != text.npos);
  CHECK(text.find("mitibox_burst_seconds_count{worker=\"1\"}") == text.npos);
}

TEST_CASE("insight: a worker that stops answering in the middle costs what it was asked for",
          "[control][insight]") {
  FakeBox box;
  box.sources = {row("198.51.100.1", 9)};
  box.destinations = {row("203.0.113.9", 5)};
  box.no_top = true;
  const Insight in = gather(box);
  REQUIRE(in.workers.size() == 2);
  CHECK(in.workers[1].answers);
  CHECK(in.snapshot.groups.size() > 1);
  CHECK(in.sources.empty());
  CHECK(in.probed.empty());
  HttpPages pages(box, {});
  CHECK(pages.answer("/metrics").status == 200);
}

TEST_CASE("insight: sources by level", "[control][insight]") {
  FakeBox box;
  CHECK(count_levels(box) == std::vector<std::uint64_t>{0, 0, 0});
  const Time now = box.rig.now().time;
  for (const char* source : {"198.51.100.1", "198.51.100.2", "2001:db8:f::1"})
    box.rig.chain->trust().distrust(parse_address(source).value(), now + 100s, now);
  // Two workers here have one chain.
  CHECK(count_levels(box) == std::vector<std::uint64_t>{6, 0, 0});
  box.rig.wait(100s);
  CHECK(count_levels(box) == std::vector<std::uint64_t>{0, 6, 0});
  HttpPages pages(box, {}, std::chrono::hours(1));
  CHECK(pages.answer("/metrics").body->find("mitibox_sources{level=\"2\"} 6\n") !=
        std::string::npos);
}

TEST_CASE("exposition: few labels, however many sources", "[control][insight]") {
  FakeBox box;
  for (int i = 0; i < 30; ++i)
    box.sources.push_back(row(("198.51.100." + std::to_string(i)).c_str(), 1000));
  box.destinations = {row("2001:db8:1::5", 200), row("203.0.113.9", kWorthNaming - 1)};
  box.destinations[0].item.port = 443;
  box.destinations[0].item.protocol = 6;
  const std::string text = exposition(gather(box));
  std::size_t named = 0;
  for (auto at = text.find("mitibox_top_source_probes{"); at != text.npos;
       at = text.find("mitibox_top_source_probes{", at + 1))
    ++named;
  CHECK(named == kNamed);
  CHECK(text.find("mitibox_top_destination_probes"
                  "{address=\"2001:db8:1::5\",protocol=\"6\",port=\"443\"} 200\n") != text.npos);
  CHECK(text.find("203.0.113.9") == text.npos);
  CHECK(text.find("mitibox_build_info{version=\"1.2\\\"3\",dpdk=\"DPDK") != text.npos);
  CHECK(text.find("mitibox_table_capacity{table=\"sources\"} " +
                  std::to_string(box.policy()->tables.sources) + "\n") != text.npos);
  CHECK(text.find("mitibox_port_up{side=\"outside\"} 1\n"
                  "mitibox_port_up{side=\"inside\"} 0\n") != text.npos);
  CHECK(text.find("mitibox_undescribed") == text.npos);
}

TEST_CASE("exposition: who comes once in a flood earns no label, who comes often does",
          "[control][insight]") {
  test::FakeBox box;
  Observer& o = box.rig.observer;
  const Address often = parse_address("192.0.2.1").value();
  for (std::uint32_t i = 0; i < 100'000; ++i)
    o.sampler.take(1, box.rig.now(), [&](std::uint32_t, std::uint32_t weight) {
      const Address source = i % 8 == 0 ? often : Address(be32(0x0a000000U + i));
      o.sources.add({source, 0, 0}, weight, box.rig.now());
      o.destinations.add({source, 443, 6}, weight, box.rig.now());
    });
  const std::string text = exposition(gather(box));
  const auto named = [&](const std::string& metric) {
    std::size_t n = 0;
    for (auto at = text.find(metric); at != text.npos; at = text.find(metric, at + 1)) ++n;
    return n;
  };
  CHECK(named("mitibox_top_source_probes{") == 1);
  CHECK(named("mitibox_top_source_probes{source=\"192.0.2.1\"") == 1);
  CHECK(named("mitibox_top_destination_probes{") == 1);
}

TEST_CASE("exposition: every level of the policy has its series from the start",
          "[control][insight]") {
  FakeBox box;
  const std::string text = exposition(gather(box));
  for (const char* number : {"0", "1", "2", "3"})
    for (const char* verdict : {"passed", "diverted"})
      CHECK(text.find("mitibox_attempts_total{level=\"" + std::string(number) + "\",verdict=\"" +
                      verdict + "\"} 0\n") != text.npos);
  CHECK(text.find("level=\"4\"") == text.npos);
}

TEST_CASE("live: JSON, whatever names hold", "[control][insight]") {
  FakeBox box;
  box.sources = {row("198.51.100.1", 9, level(1, kNow - 500s, kNow + 100s))};
  box.destinations = {row("203.0.113.9", 5)};
  const json live = json::parse(live_json(gather(box)));
  CHECK(live["uptime"] == 77);
  CHECK(live["remarks"][0] == "a <b>remark</b>");
  CHECK(live["ports"][0]["up"] == true);
  CHECK(live["policy"]["levels"] == json({1.0, 0.5, 0.25}));
  CHECK(live["groups"]["reasons"].size() == kReasons.size());
  CHECK(live["sources"][0]["address"] == "198.51.100.1");
  CHECK(live["sources"][0]["forgiven"] == 600);
  CHECK(live["probed"][0]["probes"] == 5);
  CHECK(live["tables"].size() == 4);
  CHECK(live["workers"].size() == 2);
  const json reasons = json::parse(reasons_json());
  CHECK(reasons.size() == kReasons.size());
  CHECK(reasons[0]["kind"] == "drop");
}

TEST_CASE("pages: the workers are asked once, however many look", "[control][http]") {
  static constexpr StaticFile kFiles[] = {{"/index.html", "text/html", "<p>"},
                                          {"/a.js", "text/javascript", "1"}};
  FakeBox box;
  HttpPages pages(box, kFiles, std::chrono::hours(1));
  const HttpAnswer first = pages.answer("/metrics");
  CHECK(first.type == "text/plain; version=0.0.4; charset=utf-8");
  const unsigned asked = box.asked;
  CHECK(asked > 0);
  CHECK(pages.answer("/metrics").body == first.body);
  CHECK(json::parse(*pages.answer("/api/live").body).contains("groups"));
  CHECK(box.asked == asked);
  CHECK(*pages.answer("/").body == "<p>");
  CHECK(pages.answer("/a.js").type == "text/javascript");
  CHECK(pages.answer("/api/reasons").status == 200);
  for (const char* nothing : {"/a", "/../a.js", "/a.js/", "//a.js", "/api", "/index.html%00"})
    CHECK(pages.answer(nothing).status == 404);
  HttpPages eager(box, kFiles, 0ms);
  eager.answer("/metrics");
  eager.answer("/metrics");
  CHECK(box.asked == 3 * asked);
}

TEST_CASE("pages: a box that is slow to answer is left alone for as long", "[control][http]") {
  FakeBox box;
  HttpPages::Clock::time_point now{1h};
  // Each look at the clock is a second later: gathering takes longer than its result is fresh.
  HttpPages pages(box, {}, 1500ms, [&] { return now += 1s; });
  pages.answer("/metrics");
  const unsigned asked = box.asked;
  pages.answer("/metrics");
  CHECK(box.asked == asked);
  now += 1s;
  pages.answer("/metrics");
  CHECK(box.asked > asked);
}

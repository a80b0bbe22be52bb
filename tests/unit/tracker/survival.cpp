// SPDX-License-Identifier: BSD-3-Clause
// Connections go on when another process takes the box over.
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>

#include "place.hpp"
#include "segments.hpp"
#include "shard/owner.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

constexpr Segment kNext{.from = Out, .sequence = 1001, .acknowledgement = 5001, .length = 50};

Flow flow_of(std::uint32_t host, bool v6 = false) {
  Flow f;
  f.v6 = v6;
  f.outside_host = host;
  return f;
}

void establish(Bench& b, const Flow& f) {
  b.flow = f;
  b.establish(Out);
}

bool all(const Address& /*outside*/) {
  return true;
}

/// The next process. Its clock begins `later` than that of the first, and reads one hour too.
struct Next {
  Next(const Directory& directory, std::chrono::milliseconds later, std::uint32_t capacity = 256)
      : place(directory.place(later)),
        survivors(place, Now(1h)),
        bench(capacity, Bench::quiet(), &place) {}

  Restored restore() { return bench.tracker.restore(survivors, all, bench.now()); }

  Mapping::Place place;
  Survivors survivors;
  Bench bench;
};

}  // namespace

TEST_CASE("survival: what was open goes on, in its middle and without grace",
          "[tracker][survival]") {
  const Directory directory;
  const Directory killed;
  {
    const Mapping::Place place = directory.place();
    Bench b(256, Bench::quiet(), &place);
    for (const bool v6 : {false, true}) {
      for (std::uint32_t i = 0; i < 40; ++i) establish(b, flow_of(i, v6));
      b.flow = flow_of(100, v6);
      b.establish(In);
      b.udp(flow_of(200, v6), Out);
      b.udp(flow_of(200, v6), In);
      b.udp(flow_of(201, v6), Out);
      b.send(flow_of(300, v6), {.flags = S, .sequence = 1000});
    }
    b.wait(1s);
    // What the files hold while the process lives is what they hold when it is killed.
    for (const std::string& file : directory.files()) std::filesystem::copy(file, killed.path());
  }

  Next next(GENERATE(false, true) ? killed : directory, 3s);
  REQUIRE(next.survivors.remarks() == std::vector<std::string>{});
  const auto done = next.restore();
  CHECK(done.connections == 2 * 44);
  CHECK(done.expired + done.refused == 0);
  Bench& b = next.bench;
  for (const bool v6 : {false, true}) {
    b.flow.v6 = v6;
    CHECK(b.table().size(Stage::settled) == 41);
    CHECK(b.table().size(Stage::datagram) == 1);
    CHECK(b.table().size(Stage::half_open) == 2);
    for (std::uint32_t i = 0; i < 40; ++i) CHECK(b.send(flow_of(i, v6), kNext) == "forward");
    CHECK(b.send(flow_of(0, v6), {.sequence = 1'000'000, .acknowledgement = 5001}) == "tcp-window");
    CHECK(b.send(flow_of(100, v6),
                 {.from = In, .flags = F, .sequence = 1001, .acknowledgement = 5001}) == "forward");
    CHECK(b.udp(flow_of(200, v6), In) == "forward");
    CHECK(b.udp(flow_of(201, v6), In) == "forward");
    CHECK(b.send(flow_of(300, v6),
                 {.from = In, .flags = SA, .sequence = 7, .acknowledgement = 1001}) == "forward");
    CHECK(b.send(flow_of(41, v6), kNext) == "stray");
  }
}

TEST_CASE("survival: the time without a process counts", "[tracker][survival]") {
  const Directory directory;
  {
    const Mapping::Place place = directory.place();
    Bench b(256, Bench::quiet(), &place);
    establish(b, flow_of(1));
    b.wait(std::chrono::seconds(7440 - 60), 5s);
    b.send(flow_of(2), {.flags = S, .sequence = 1000});
    b.wait(5s);
  }
  // The old clock read 1 h + 7385 s in the end.
  SECTION("they live as long as they would have") {
    Next next(directory, 7385s + 9s);
    CHECK(next.restore().connections == 2);
    next.bench.wait(4s);
    CHECK(next.bench.record(flow_of(2)) == nullptr);
    CHECK(next.bench.record(flow_of(1)) != nullptr);
    next.bench.wait(40s);
    CHECK(next.bench.record(flow_of(1)) != nullptr);
    next.bench.wait(5s);
    CHECK(next.bench.record(flow_of(1)) == nullptr);
  }
  SECTION("what died meanwhile stays dead") {
    Next next(directory, 7385s + 30s);
    const auto done = next.restore();
    CHECK(done.connections == 1);
    CHECK(done.expired == 1);
    CHECK(next.bench.record(flow_of(2)) == nullptr);
  }
  SECTION("after weeks nothing is left") {
    Next next(directory, std::chrono::hours(24 * 60));
    CHECK(next.survivors.size() == 0);
  }
  SECTION("a clock that went back is no harm") {
    Next next(directory, 0s);
    CHECK(next.restore().connections == 2);
    CHECK(next.bench.send(flow_of(1), kNext) == "forward");
  }
}

TEST_CASE("survival: the wrap of the clock is no harm", "[tracker][survival]") {
  const Directory directory;
  constexpr auto kLong = std::chrono::milliseconds((1LL << 32) - 3'600'000 - 5'000);
  {
    const Mapping::Place place = directory.place();
    Bench b(256, Bench::quiet(), &place);
    b.tracker.sweep(b.now());
    b.skip(kLong);
    b.tracker.sweep(b.now());
    establish(b, flow_of(1));
    b.wait(10s);  // across
  }
  Next next(directory, kLong + 15s);
  CHECK(next.restore().connections == 1);
  next.bench.wait(std::chrono::seconds(7440 - 17), 1s);
  CHECK(next.bench.record(flow_of(1)) != nullptr);
  next.bench.wait(4s);
  CHECK(next.bench.record(flow_of(1)) == nullptr);
}

TEST_CASE("survival: into tables of another size", "[tracker][survival]") {
  const Directory directory;
  {
    const Mapping::Place place = directory.place();
    Bench b(256, Bench::quiet(), &place);
    for (std::uint32_t i = 0; i < 60; ++i) b.udp(flow_of(1000 + i), Out);
    for (std::uint32_t i = 0; i < 100; ++i) establish(b, flow_of(i));
    b.wait(1ms);
  }
  SECTION("larger") {
    Next next(directory, 1s, 1000);
    CHECK(next.restore().connections == 160);
  }
  SECTION("smaller: who settled comes first") {
    Next next(directory, 1s, 100);
    CHECK(next.restore().refused == 60);
    for (std::uint32_t i = 0; i < 100; ++i)
      REQUIRE(next.bench.send(flow_of(i), kNext) == "forward");
  }
  SECTION("smaller still") {
    Next next(directory, 1s, 64);
    CHECK(next.restore().refused == 36 + 60);
    CHECK(next.bench.table().size(Stage::settled) == 64);
  }
}

TEST_CASE("survival: by other workers, under another key", "[tracker][survival]") {
  const Directory directory;
  const unsigned before = GENERATE(1U, 2U, 3U);
  const unsigned after = GENERATE(1U, 2U);
  const Policy policy = Bench::quiet();
  const auto run = [&](unsigned workers, Key128 secret, auto task) {
    const Owner owner(policy, Secrets::derive(secret), workers);
    const Mapping::Place place = directory.place();
    Survivors survivors(place, Now(1h));
    std::vector<std::unique_ptr<Bench>> benches;
    for (unsigned w = 0; w < workers; ++w) {
      benches.push_back(std::make_unique<Bench>(256, policy, &place, "box" + std::to_string(w)));
      task(*benches.back(), survivors, [&](const Address& a) { return owner.of(a) == w; });
    }
    survivors.clear();
  };
  const auto address_of = [](const Flow& f) {
    Address a(be32(0x0a000000U + f.outside_host));
    if (f.v6) {
      a.bytes = {0x20, 0x01, 0x0d, 0xb8, 1};
      const be32 last(f.outside_host);
      std::memcpy(&a.bytes[12], &last, 4);
    }
    return a;
  };
  const auto each = [&](auto task) {
    for (const bool v6 : {false, true})
      for (std::uint32_t i = 0; i < 64; ++i) task(flow_of(i, v6));
  };
  run(before, {1, 1}, [&](Bench& b, const Survivors&, auto owns) {
    each([&](const Flow& f) {
      if (owns(address_of(f))) establish(b, f);
    });
  });
  std::size_t found = 0;
  run(after, {2, 2}, [&](Bench& b, const Survivors& survivors, auto owns) {
    CHECK(survivors.size() == 128);
    b.tracker.restore(survivors, owns, b.now());
    each([&](const Flow& f) {
      CHECK(b.send(f, kNext) == (owns(address_of(f)) ? "forward" : "stray"));
    });
    found += b.tracker.table(Family::v4).size() + b.tracker.table(Family::v6).size();
  });
  CHECK(found == 128);
  // Each worker's tables of the last run, the surplus of the first gone.
  CHECK(directory.files().size() == 2 * after);
}

TEST_CASE("survival: a tuple that two files have comes once", "[tracker][survival]") {
  const Directory directory;
  {
    const Mapping::Place place = directory.place();
    Bench one(64, Bench::quiet(), &place, "one");
    Bench two(64, Bench::quiet(), &place, "two");
    establish(one, flow_of(1));
    establish(two, flow_of(1));
  }
  Next next(directory, 0s);
  CHECK(next.survivors.size() == 2);
  CHECK(next.restore().connections == 1);
  CHECK(next.bench.send(flow_of(1), kNext) == "forward");
}

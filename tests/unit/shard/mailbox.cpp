// SPDX-License-Identifier: BSD-3-Clause
#include "shard/mailbox.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "../chain/rig.hpp"

using namespace mitibox;
using namespace mitibox::test;
using namespace std::chrono_literals;

namespace {

struct Sum : Errand {
  explicit Sum(int a) : asked(a) {}
  void serve(Chain& /*chain*/, Now now) override {
    answer = asked + static_cast<int>(now.time / 1s);
    ++served;
  }
  int asked;
  int answer = 0;
  int served = 0;
};

}  // namespace

TEST_CASE("mailbox: nobody answers", "[shard][mailbox]") {
  Rig rig;
  Mailbox box;
  Sum sum(1);
  CHECK_FALSE(box.ask(sum, 1ms));
  box.poll(*rig.chain, Now(1s));  // who asked has left, and taken his errand along
  CHECK(sum.served == 0);
  CHECK_FALSE(box.ask(sum, 1ms));
}

TEST_CASE("mailbox: an errand is waited for once it is being served", "[shard][mailbox]") {
  struct Slow : Errand {
    void serve(Chain& /*chain*/, Now /*now*/) override {
      serving = true;
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      serving = false;
    }
    std::atomic<bool> serving = false;
  };
  Rig rig;
  Mailbox box;
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) box.poll(*rig.chain, Now(2s));
  });
  Slow slow;
  // Without patience it is either taken back before it was begun, or whole.
  bool whole = true;
  for (bool served = false; !served;) {
    served = box.ask(slow, 0ms);
    whole = whole && !slow.serving;
  }
  CHECK(whole);
  stop = true;
  owner.join();
}

TEST_CASE("mailbox: everyone gets the answer to his own question", "[shard][mailbox]") {
  Rig rig;
  Mailbox box;
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) box.poll(*rig.chain, Now(1s));
  });
  std::atomic<int> right = 0;
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i)
    askers.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        Sum sum(i + k);
        if (box.ask(sum, 60s) && sum.answer == i + k + 1 && sum.served == 1) ++right;
      }
    });
  for (std::thread& t : askers) t.join();
  stop = true;
  owner.join();
  CHECK(right == 200);
}

TEST_CASE("mailbox: waiting for another's turn counts too", "[shard][mailbox]") {
  struct Long : Errand {
    void serve(Chain& /*chain*/, Now /*now*/) override {
      serving = true;
      const auto end = std::chrono::steady_clock::now() + 5s;
      while (!enough && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    }
    std::atomic<bool> serving = false;
    std::atomic<bool> enough = false;
  };
  Rig rig;
  Mailbox box;
  Long longer;
  std::atomic<bool> stop = false;
  std::thread owner([&] {
    while (!stop) box.poll(*rig.chain, Now(1s));
  });
  std::thread first([&] { box.ask(longer, 60s); });
  while (!longer.serving) std::this_thread::yield();
  Sum sum(1);
  CHECK_FALSE(box.ask(sum, 1ms));
  longer.enough = true;
  first.join();
  CHECK(box.ask(sum, 60s));
  stop = true;
  owner.join();
  CHECK(sum.served == 1);
}

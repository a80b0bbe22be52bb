// SPDX-License-Identifier: BSD-3-Clause
/// A box for tests of commands: one Rig, whose chain serves each errand at once.
#pragma once

#include "../chain/rig.hpp"
#include "control/box.hpp"
#include "control/command.hpp"
#include "control/discovery.hpp"
#include "control/regime.hpp"

namespace mitibox::test {

class FakeBox : public Box {
 public:
  explicit FakeBox(const Policy& policy = plain_policy())
      : rig(policy),
        regime_({.policy = std::make_shared<const Policy>(policy),
                 .file = "policy.json",
                 .workers = 1,
                 .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
                 .age = [this] { return rig.now().time; }}),
        discovery_(regime_,
                   {.workers = 1,
                    .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
                    .date = [this] { return date; },
                    .say = [this](const std::string& line) { said.push_back(line); }}) {
    discovery_.start([this](unsigned, Errand& errand) { errand.serve(*rig.chain, rig.now()); });
  }

  [[nodiscard]] unsigned workers() const override { return 1; }
  [[nodiscard]] unsigned owner_of(const Address& /*source*/) const override { return 0; }
  void ask(unsigned /*worker*/, Errand& errand) override {
    if (stands_still) throw ControlError("the worker does not answer");
    ++asked;
    errand.serve(*rig.chain, rig.now());
  }
  [[nodiscard]] Regime& regime() override { return regime_; }
  [[nodiscard]] Discovery& discovery() override { return discovery_; }
  [[nodiscard]] std::shared_ptr<const Policy> policy() const override { return regime_.policy(); }
  void select(const Policy::Events& events) override { selected = events; }
  void tell(EventType type, const nlohmann::ordered_json& members) override {
    posted.emplace_back(type, members);
  }
  [[nodiscard]] BoxStatus status() const override { return told; }
  [[nodiscard]] Snapshot snapshot() const override { return take_snapshot({rig.chain.get()}); }

  Rig rig;
  BoxStatus told;
  bool stands_still = false;
  Date date{std::chrono::seconds(1'750'000'000)};
  std::vector<std::string> said;  ///< by what keeps the found services
  unsigned asked = 0;             ///< errands
  Policy::Events selected;
  std::vector<std::pair<EventType, Json>> posted;

 private:
  Regime regime_;
  Discovery discovery_;
};

/// What a command gave.
struct Answer {
  Json done;
  std::vector<Json> rows;
};

inline Answer run(RunCommand* command, Box& box, const Json& arguments) {
  Answer a;
  a.done = command(box, arguments, [&](const Json& row) { a.rows.push_back(row); });
  return a;
}

}  // namespace mitibox::test

// SPDX-License-Identifier: BSD-3-Clause
/// A box for tests of commands: one Rig, whose chain serves each errand at once.
#pragma once

#include "../chain/rig.hpp"
#include "control/box.hpp"
#include "control/command.hpp"

namespace mitibox::test {

class FakeBox : public Box {
 public:
  explicit FakeBox(const Policy& policy = plain_policy())
      : rig(policy), policy_(std::make_shared<const Policy>(policy)) {}

  [[nodiscard]] unsigned workers() const override { return 1; }
  [[nodiscard]] unsigned owner_of(const Address& /*source*/) const override { return 0; }
  void ask(unsigned /*worker*/, Errand& errand) override {
    if (stands_still) throw ControlError("the worker does not answer");
    ++asked;
    errand.serve(*rig.chain, rig.now());
  }
  [[nodiscard]] std::shared_ptr<const Policy> policy() const override { return policy_; }
  [[nodiscard]] BoxStatus status() const override { return told; }
  [[nodiscard]] Snapshot snapshot() const override { return take_snapshot({rig.chain.get()}); }

  Rig rig;
  BoxStatus told;
  bool stands_still = false;
  unsigned asked = 0;  ///< errands

 private:
  std::shared_ptr<const Policy> policy_;
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

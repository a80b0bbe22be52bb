// SPDX-License-Identifier: BSD-3-Clause
#include "../state/scratch.hpp"
#include "fake_box.hpp"
#include "state/keeper.hpp"

using namespace mitibox;
using namespace mitibox::test;
using Catch::Contains;

namespace mitibox {
RunCommand run_save;
}

namespace {

struct KeepingBox : FakeBox {
  KeepingBox() {
    keeper.emplace(
        folder,
        StateKeeper::Config{.workers = 1,
                            .frame = {},
                            .every = std::chrono::hours(1),
                            .age = [this] { return rig.now().time; },
                            .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
                            .say = [](const std::string&) {}});
  }
  StateKeeper* state() override { return &*keeper; }

  Scratch scratch;
  StateFolder folder{scratch.name};
  std::optional<StateKeeper> keeper;
};

}  // namespace

TEST_CASE("save: writes the file and says what is in it", "[control][state]") {
  KeepingBox box;
  const Json done = run(run_save, box, Json::object()).done;
  CHECK(done["file"] == box.scratch.name + "/state");
  CHECK(done["sources"] == 0);
  CHECK(done["bytes"] > 0);
  CHECK(box.folder.read());
}

TEST_CASE("save: what goes wrong is one line", "[control][state]") {
  FakeBox forgetful;
  CHECK_THROWS_WITH(run(run_save, forgetful, Json::object()), Contains("keeps no state"));
  KeepingBox box;
  CHECK_THROWS_AS(run(run_save, box, {{"file", "x"}}), ControlError);
  box.stands_still = true;
  CHECK_THROWS_AS(run(run_save, box, Json::object()), ControlError);
  CHECK_THROWS_WITH(run(run_save, box, Json::object()), Contains("does not answer"));
}

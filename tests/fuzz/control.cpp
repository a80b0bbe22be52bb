// SPDX-License-Identifier: BSD-3-Clause
// Lines of requests to a box: each is carried out, or refused in one line.
#include <algorithm>
#include <cstring>
#include <string>

#include "control/command.hpp"
#include "control/discovery.hpp"
#include "control/http_request.hpp"
#include "control/regime.hpp"
#include "lab.hpp"

namespace {

using namespace mitibox;

class FuzzedBox : public Box {
 public:
  FuzzedBox()
      : lab_(fuzz::policy_of(1)),
        regime_({.policy = std::make_shared<const Policy>(fuzz::policy_of(1)),
                 .file = "/nonexistent/policy.json",
                 .workers = 1,
                 .ask = [this](unsigned w, Errand& e) { ask(w, e); },
                 .age = [this] { return lab_.now().time; }}),
        discovery_(regime_, {.workers = 1,
                             .ask = [this](unsigned w, Errand& e) { ask(w, e); },
                             .date = [] { return Date(std::chrono::seconds(1'750'000'000)); },
                             .say = [](const std::string& /*line*/) {}}) {
    discovery_.start([this](unsigned w, Errand& e) { ask(w, e); });
  }

  [[nodiscard]] unsigned workers() const override { return 1; }
  [[nodiscard]] unsigned owner_of(const Address& /*source*/) const override { return 0; }
  void ask(unsigned /*worker*/, Errand& errand) override { errand.serve(lab_.chain(), lab_.now()); }
  [[nodiscard]] Regime& regime() override { return regime_; }
  [[nodiscard]] Discovery& discovery() override { return discovery_; }
  [[nodiscard]] std::shared_ptr<const Policy> policy() const override { return regime_.policy(); }
  [[nodiscard]] BoxStatus status() const override { return {}; }
  [[nodiscard]] Snapshot snapshot() const override { return {}; }

 private:
  fuzz::Lab lab_;
  Regime regime_;
  Discovery discovery_;
};

/// Those that neither write files nor read what is not theirs.
std::vector<Command> harmless() {
  std::vector<Command> all(commands().begin(), commands().end());
  std::erase_if(all, [](const Command& c) {
    return c.name == "capture" || c.name == "import-scan" || c.name == "reload";
  });
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::begin("mitibox-fuzz-control");
  static const std::vector<Command> allowed = harmless();
  FuzzedBox box;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (int i = 0; i < 20 && !text.empty(); ++i) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    try {
      run_request(box, allowed, line, [](const Json& row) {
        fuzz::must(row.is_object(), "a row is an object");
        fuzz::must(!row.dump().empty(), "a row can be sent");
      });
    } catch (const std::exception& e) {
      fuzz::must(*e.what() != 0 && std::strchr(e.what(), '\n') == nullptr, "a message is a line");
    }
  }
  return 0;
}

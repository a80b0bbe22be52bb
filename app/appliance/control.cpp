// SPDX-License-Identifier: BSD-3-Clause
// The appliance as the control plane sees it.
#include <fmt/format.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>

#include "appliance.hpp"
#include "base/say.hpp"
#include "page/page.hpp"
#include "port/port_state.hpp"

namespace mitibox {

namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);

/// As mitiboxctl looks for it: by EAL's file prefix, the name of the folder that EAL runs in.
std::string usual_place() {
  const char* const runtime = rte_eal_get_runtime_dir();
  std::string prefix = std::filesystem::path(runtime == nullptr ? "" : runtime).filename();
  if (prefix.empty()) prefix = "mitibox";
  return "/run/mitibox/" + prefix + ".sock";
}

/// In a thread that leaves the forwarding lcores alone, as do those it starts. Passes on what the
/// task throws.
void run_beside_lcores(const std::function<void()>& task) {
  struct Call {
    const std::function<void()>& task;
    std::exception_ptr thrown;
  } call{task, nullptr};
  pthread_t thread{};
  const int error = rte_ctrl_thread_create(
      &thread, "mitibox-start", nullptr,
      [](void* argument) -> void* {
        auto& c = *static_cast<Call*>(argument);
        try {
          c.task();
        } catch (...) {
          c.thrown = std::current_exception();
        }
        return nullptr;
      },
      &call);
  if (error != 0)
    throw std::runtime_error(fmt::format("--control: no thread: {}", std::strerror(-error)));
  pthread_join(thread, nullptr);
  if (call.thrown) std::rethrow_exception(call.thrown);
}

}  // namespace

void Appliance::listen() {
  run_beside_lcores([this] {
    if (policy_.http.listen) {
      pages_.emplace(*this, page_files());
      http_.emplace(
          HttpServer::Config{.listen = *policy_.http.listen, .names = policy_.http.names},
          [this](std::string_view target) { return pages_->answer(target); },
          [](const std::string& line) { say(line); });
    }
    if (options_.control == "none") return;
    server_.emplace(
        *this,
        ControlServer::Config{.path = options_.control.empty() ? usual_place() : options_.control});
  });
}

/// From here on the control thread and those of its own have work, but for what needs workers.
void Appliance::begin_life() {
  RestoredTrust all;
  for (const RestoredTrust& r : distrusted_) {
    all.sources += r.sources;
    all.cells += r.cells;
    all.expired += r.expired;
  }
  run_beside_lcores([&] {
    life_.begin({.ports = ports_,
                 .clock = clock_,
                 .ask = [this](unsigned worker, Errand& errand) { ask(worker, errand); },
                 .workers = workers(),
                 .restored = all});
  });
  if (StateKeeper* const keeper = life_.keeper())
    keeper->add({.name = std::string(Discovery::kSection),
                 .version = Registry::kVersion,
                 .save = [this] { return discovery_.save(); }});
}

void Appliance::ask(unsigned worker, Errand& errand) {
  if (!members_[worker].worker->mailbox().ask(errand, kPatience))
    throw ControlError(
        fmt::format("the worker on lcore {} does not answer; is it starting, or at its end?",
                    members_[worker].lcore));
}

BoxStatus Appliance::status() const {
  BoxStatus s;
  s.version = MITIBOX_VERSION;
  s.uptime = std::chrono::duration_cast<std::chrono::seconds>(clock_.since_start());
  for (const Side side : {Side::outside, Side::inside}) {
    BoxStatus::Port& port = s.ports[index(side)];
    port.device = port_name(ports_.id(side));
    port.mac = fmt::format("{:02x}", fmt::join(ports_.mac(side).bytes, ":"));
    const auto link = port_link(ports_.id(side));
    if (!link) continue;
    port.up = link->link_status == RTE_ETH_LINK_UP;
    if (link->link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) port.mbps = link->link_speed;
  }
  for (const Member& m : members_) s.lcores.push_back(m.lcore);
  s.policy_file = regime_.file();
  s.warnings = mitibox::warnings(*regime_.policy());
  for (const Bypass& b : regime_.bypasses())
    s.warnings.push_back(
        fmt::format("{} has a bypass: it sees the LAN as it is", to_string(b.source)));
  for (std::string& w : ports_.warnings(s.lcores)) s.warnings.push_back(std::move(w));
  return s;
}

}  // namespace mitibox

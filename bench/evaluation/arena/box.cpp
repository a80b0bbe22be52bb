// SPDX-License-Identifier: BSD-3-Clause
// MitiBox as a defence: the chain that runs inline, under a policy as an operator writes it.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/secrets.hpp"
#include "chain/chain.hpp"
#include "defence.hpp"

namespace mitibox::arena {

namespace {

using json = nlohmann::json;

std::string seconds(unsigned s) {
  return std::to_string(s) + "s";
}

Policy policy_of(std::string_view profile, const Setting& setting) {
  json p;
  if (profile == "paper") p["profile"] = "paper";
  if (profile == "forward") p["admission"] = "forward";
  p["protected"] = {to_string(setting.network.prefix)};
  for (const auto& [address, ports] : setting.network.ports)
    p["services"].push_back({{"address", to_string(address)}, {"tcp", ports}, {"udp", ports}});
  p["probability"]["drop"] = setting.drop;
  p["trust"]["distrusted"] = seconds(setting.distrusted);
  p["trust"]["partial"] = json::array();
  if (setting.partial)
    for (const double divert : {0.75, 0.5, 0.25})
      p["trust"]["partial"].push_back({{"divert", divert}, {"for", seconds(setting.distrusted)}});
  p["timeouts"]["grace"] = "0s";
  p["tables"] = {{"connections", setting.small ? 1U << 12U : 1U << 17U},
                 {"sources", kSources},
                 {"retransmissions", setting.small ? 1U << 14U : 1U << 20U},
                 {"conversations", setting.small ? 1U << 12U : 1U << 16U},
                 {"persist", false}};
  if (!setting.patch.empty()) p.merge_patch(json::parse(setting.patch));
  return parse_policy(p.dump(), "arena");
}

class Box : public Defence {
 public:
  Box(std::string_view profile, const Setting& setting, Wire& wire)
      : policy_(policy_of(profile, setting)), key_(setting.seed), pool_(setting.pool), wire_(wire) {
    known_ = {setting.network.known.address, setting.network.known.port, protocol::kTcp};
    start();
  }
  ~Box() override { stop(); }

  void pass(Side from, rte_mbuf* frame, Now now) override {
    chain_->process(from, {&frame, 1}, now);
    chain_->transmit().flush();
  }
  void tick(Now now) override {
    chain_->tick(now);
    chain_->transmit().flush();
  }
  [[nodiscard]] bool admits(const Address& source, Now now) const override {
    return !chain_->trust().would_divert(source, known_, now.time);
  }
  /// As the state file has it: proven sources and cells, and the keys unless they are new.
  void restart(bool new_key, Now now) override {
    TrustState state;
    std::array<SavedSource, 512> some;
    for (std::uint32_t cursor = 0; cursor != UINT32_MAX;) {
      const std::size_t n = chain_->trust().save(cursor, some);
      state.sources.insert(state.sources.end(), some.begin(), some.begin() + n);
    }
    std::array<SavedCell, 512> cells;
    for (std::uint32_t cursor = 0; cursor != UINT32_MAX;) {
      const std::size_t n = chain_->trust().copy(cursor, cells);
      state.cells.insert(state.cells.end(), cells.begin(), cells.begin() + n);
    }
    stop();
    if (new_key) key_ += 0x9e3779b97f4a7c15U;
    start();
    chain_->restore(state, !new_key, now);
  }
  [[nodiscard]] std::size_t remembered() const override { return chain_->trust().proven_sources(); }

 private:
  void start() {
    Chain::Config c;
    c.name = fmt::format("box{}", number_++);
    c.secrets = Secrets::derive({key_, 1});
    c.own_mac = {{0x02, 0, 0, 0, 0xb0, 0xb0}};
    c.pool = pool_;
    chain_ = std::make_unique<Chain>(policy_, c, wire_);
  }
  void stop() {
    chain_->finish();
    chain_.reset();
  }

  Policy policy_;
  std::uint64_t key_;
  rte_mempool* pool_;
  Wire& wire_;
  Destination known_;
  std::unique_ptr<Chain> chain_;
  static inline unsigned number_ = 0;
};

}  // namespace

std::unique_ptr<Defence> make_box(std::string_view profile, const Setting& setting, Wire& wire) {
  return std::make_unique<Box>(profile, setting, wire);
}

}  // namespace mitibox::arena

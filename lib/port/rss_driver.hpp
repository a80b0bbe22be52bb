// SPDX-License-Identifier: BSD-3-Clause
/// RSS calls to a real port.
#pragma once

#include "port/rss.hpp"

namespace mitibox {

class EthdevRss : public RssDriver {
 public:
  explicit EthdevRss(std::uint16_t port) : port_(port) {}

  bool set_table(const RssPlan& plan) override;
  /// Validated first: a driver may say no without harm.
  bool add_rule(const RssRule& rule) override;
  void remove_rules() override;

 private:
  std::uint16_t port_;
};

}  // namespace mitibox

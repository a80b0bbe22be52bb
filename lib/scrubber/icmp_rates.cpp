// SPDX-License-Identifier: BSD-3-Clause
#include "scrubber/icmp_rates.hpp"

namespace mitibox {

namespace {

TokenBuckets::Rate errors(const Policy& policy) {
  return {policy.normalise.error_rate, IcmpRates::kErrorBurst};
}

}  // namespace

IcmpRates::IcmpRates(const Policy& policy, Key128 key, const std::string& name)
    : key_(key),
      source_(policy),
      // A second's worth at once: a burst of pings is what ping -f and monitoring send.
      echoes_({policy.normalise.echo_rate, policy.normalise.echo_rate}, kCells,
              {name + " echo", "tables"}),
      errors_out_(errors(policy), kCells, {name + " errors out", "tables"}),
      errors_in_(errors(policy), kCells, {name + " errors in", "tables"}),
      errors_in_pair_({policy.normalise.error_rate * kReporters, kErrorBurst * kReporters}, kCells,
                      {name + " errors in, pairs", "tables"}) {}

std::uint64_t IcmpRates::hash_of(const Ends& ends) const {
  return siphash13_of(key_, ends.inside.high(), ends.inside.low(), ends.outside.high(),
                      ends.outside.low());
}

bool IcmpRates::echo(const Packet& request, Now now) {
  const Source source = source_(request.source());
  return echoes_.take(siphash13_of(key_, source.high, source.low), now.time);
}

bool IcmpRates::error_out(const Ends& ends, Now now) {
  return errors_out_.take(hash_of(ends), now.time);
}

bool IcmpRates::error_in(const Ends& ends, const Address& reporter, Now now) {
  const std::uint64_t pair = hash_of(ends);
  return errors_in_pair_.take(pair, now.time) &&
         errors_in_.take(siphash13_of(key_, pair, reporter.high(), reporter.low()), now.time);
}

std::size_t IcmpRates::memory_bytes() {
  return 4 * TokenBuckets::memory_bytes(kCells);
}

}  // namespace mitibox

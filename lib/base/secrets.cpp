// SPDX-License-Identifier: BSD-3-Clause
#include "base/secrets.hpp"

#include <sys/random.h>

#include <cerrno>
#include <charconv>
#include <system_error>

namespace mitibox {

namespace {

Key128 sub_key(Key128 master, std::uint64_t label) {
  return {siphash24_of(master, label, 0U), siphash24_of(master, label, 1U)};
}

}  // namespace

Secrets Secrets::derive(Key128 master) {
  std::uint64_t label = 0;
  const auto next = [&] { return sub_key(master, ++label); };
  Secrets s;
  s.table = next();
  s.owner = next();
  s.coin = next();
  s.retransmission = next();
  s.phase = next();
  s.draw = next();
  s.sketch = next();
  s.cookie = next();
  s.conversation = next();
  s.fragment = next();
  s.persona = next();
  s.isn = next();
  s.repetition = next();
  s.surface = next();
  s.icmp = next();
  s.hosts = next();
  s.calls = next();
  s.pieces = next();
  s.departures = next();
  s.shares = next();
  s.spoken = next();
  s.trial = next();
  return s;
}

Secrets Secrets::derive(Key128 kept, Key128 fresh) {
  Secrets s = derive(kept);
  const Secrets f = derive(fresh);
  for (Key128 Secrets::*key :
       {&Secrets::table, &Secrets::conversation, &Secrets::fragment, &Secrets::persona,
        &Secrets::repetition, &Secrets::icmp, &Secrets::hosts, &Secrets::calls, &Secrets::pieces,
        &Secrets::departures, &Secrets::spoken, &Secrets::shares})
    s.*key = f.*key;
  return s;
}

Key128 random_key() {
  Key128 key;
  if (getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key))
    throw std::system_error(errno, std::generic_category(), "getrandom");
  return key;
}

std::optional<Key128> parse_key(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  Key128 key;
  const auto half = [&](std::size_t at, std::uint64_t& out) {
    const char* first = hex.data() + at;
    const auto [end, error] = std::from_chars(first, first + 16, out, 16);
    return error == std::errc{} && end == first + 16;
  };
  if (!half(0, key.k0) || !half(16, key.k1)) return std::nullopt;
  return key;
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "control/outcome.hpp"

#include <fmt/format.h>

#include "packet/wire.hpp"

namespace mitibox {

namespace {

using Fate = Forecast::Fate;
using Why = Forecast::Why;

std::string service_of(const Destination& to) {
  if (to.protocol == protocol::kTcp) return fmt::format("{}/tcp", to.port);
  if (to.protocol == protocol::kUdp) return fmt::format("{}/udp", to.port);
  return "echo";
}

const char* forged(const Destination& to, const Policy& policy) {
  if (to.protocol == protocol::kTcp) return "the box answers as an open port would";
  if (to.protocol != protocol::kUdp) return "the box answers in its place";
  return policy.reply.udp == Policy::UdpReply::silent ? "silence"
                                                      : "the box answers that the port is closed";
}

std::string outcome(const Destination& to, const Forecast& f, const Policy& policy) {
  switch (f.fate) {
    case Fate::untouched:
      return "passes untouched";
    case Fate::hairpin:
      return policy.hairpin == Policy::Hairpin::pass ? "passes from and to gateways, else dropped"
                                                     : "dropped";
    case Fate::closed:
      return "the box answers as a closed port would";
    case Fate::forged:
      return forged(to, policy);
    case Fate::host:
    case Fate::absent:
      break;
  }
  std::string text = f.handshake ? "the box answers, and calls the host when the handshake is done"
                                 : "reaches the host";
  if (f.fate == Fate::absent) text += ", if there is one: none has been seen";
  return text;
}

std::string why(const Forecast& f) {
  switch (f.why) {
    case Why::not_protected:
      return "the destination is not protected";
    case Why::bypass:
      return "the source has a bypass";
    case Why::gateway:
      return "one end is a gateway";
    case Why::protected_source:
      return "a protected address as source, from outside";
    case Why::no_service:
      return "no service is listed there";
    case Why::tolerated:
      return "a ping of an address that offers a service";
    case Why::level:
      return "the source is distrusted in full";
    case Why::draw:
      return "the source is partially distrusted, and the draw for this destination diverts it";
    case Why::is_public:
      return "a public service: coin and Trust are not asked";
    case Why::service:
      break;
  }
  if (f.never) return "a legitimate service, and the source is never distrusted";
  if (f.level.number == 0) return "a legitimate service, and the source is not distrusted";
  return "a legitimate service; the source is partially distrusted, but the draw lets it pass";
}

std::string coin(const Forecast& f, const Policy& policy) {
  if (!f.coin) return "-";
  return fmt::format("dropped with probability {}, {}", policy.probability.drop,
                     policy.probability.retransmission == Policy::Retransmission::admit
                         ? "unless repeated after 0.7 to 10 s"
                         : "its repetitions too");
}

const char* evidence(const Forecast& f) {
  if (f.tried)
    return "services are learned: when the handshake is done the host is called, and if it does "
           "not "
           "answer that counts against the source";
  switch (f.evidence) {
    case Forecast::Evidence::none:
      return "-";
    case Forecast::Evidence::packet:
      return "the packet counts against the source";
    case Forecast::Evidence::handshake:
      break;
  }
  return "completing the handshake counts against the source";
}

}  // namespace

Json describe(const Destination& to, const Forecast& forecast, const Policy& policy) {
  return {{"destination", to_string(to.address)},
          {"service", service_of(to)},
          {"first", coin(forecast, policy)},
          {"then", outcome(to, forecast, policy)},
          {"why", why(forecast)},
          {"evidence", evidence(forecast)}};
}

}  // namespace mitibox

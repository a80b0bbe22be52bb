// SPDX-License-Identifier: BSD-3-Clause
// A wire with a length: frames between two interfaces, later and fewer. mitibox-relay --help
// Where the kernel has no netem. Untagged frames of up to 2048 bytes; offloads must be off.
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>

#include <array>
#include <boost/program_options.hpp>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "lane.hpp"

namespace po = boost::program_options;

namespace mitibox::relay {

namespace {

volatile std::sig_atomic_t ended = 0;

std::chrono::nanoseconds milliseconds(double value) {
  if (!(value >= 0 && value <= 60000)) throw std::invalid_argument("a time is 0 to 60000 ms");
  return std::chrono::nanoseconds(std::llround(value * 1e6));
}

/// Until a frame arrives, a frame is due, or a signal of `allowed` comes.
void wait(std::array<pollfd, 2>& sockets, const std::array<Lane, 2>& lanes,
          const sigset_t& allowed) {
  std::optional<Clock::time_point> first;
  for (const Lane& lane : lanes) {
    const auto next = lane.next();
    if (next && (!first || *next < *first)) first = next;
  }
  timespec left{};
  if (first) {
    const auto ns =
        std::max<std::chrono::nanoseconds>(*first - Clock::now(), std::chrono::nanoseconds(0));
    left = {ns.count() / 1'000'000'000, ns.count() % 1'000'000'000};
  }
  ppoll(sockets.data(), sockets.size(), first ? &left : nullptr, &allowed);
}

void relay(std::array<Lane, 2> lanes, const Interface& one, const Interface& other) {
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };
  sigset_t handled;
  sigset_t allowed;
  sigemptyset(&handled);
  for (const int number : {SIGTERM, SIGINT}) {
    sigaction(number, &action, nullptr);
    sigaddset(&handled, number);
  }
  // Open to signals within ppoll alone: none is lost between the question and the wait.
  sigprocmask(SIG_BLOCK, &handled, &allowed);
  sigdelset(&allowed, SIGTERM);
  sigdelset(&allowed, SIGINT);
  prctl(PR_SET_TIMERSLACK, 1UL);
  fmt::print("ready\n");
  std::fflush(stdout);
  std::array<pollfd, 2> sockets{{{one.socket(), POLLIN, 0}, {other.socket(), POLLIN, 0}}};
  while (ended == 0) {
    wait(sockets, lanes, allowed);
    for (Lane& lane : lanes) lane.work();
  }
  for (const Lane& lane : lanes) fmt::print("{}\n", lane.report());
}

int run(int argc, char** argv) {
  std::vector<std::string> names;
  double delay = 0;
  double jitter = 0;
  std::uint64_t seed = 0;
  Conditions c;
  po::options_description d("Options (each direction)");
  d.add_options()("delay-ms", po::value(&delay)->default_value(0), "how long a frame takes")(
      "jitter-ms", po::value(&jitter)->default_value(0),
      "up to so much longer, uniformly; frames stay in order")(
      "loss", po::value(&c.loss)->default_value(0), "share of frames that vanish, 0 to 1")(
      "seed", po::value(&seed)->default_value(1), "of the dice")(
      "queue", po::value(&c.slots)->default_value(c.slots), "frames that may wait")("help", "");
  po::options_description all;
  all.add(d).add_options()("interface", po::value(&names));
  po::positional_options_description places;
  places.add("interface", 2);
  po::variables_map m;
  po::store(po::command_line_parser(argc, argv).options(all).positional(places).run(), m);
  po::notify(m);
  if (m.count("help") != 0) {
    std::cout << "usage: mitibox-relay IF1 IF2 [options]\n"
                 "Says `ready`, ends on SIGTERM, then says what became of the frames.\n"
              << d;
    return 0;
  }
  if (names.size() != 2) throw std::invalid_argument("name two interfaces");
  if (!(c.loss >= 0 && c.loss <= 1)) throw std::invalid_argument("--loss is a share, 0 to 1");
  if (c.slots == 0 || c.slots > 1U << 20U) throw std::invalid_argument("--queue is 1 to 1048576");
  c.delay = milliseconds(delay);
  c.jitter = milliseconds(jitter);
  const Interface one(names[0]);
  const Interface other(names[1]);
  relay({Lane(one, other, c, 2 * seed), Lane(other, one, c, 2 * seed + 1)}, one, other);
  return 0;
}

}  // namespace

}  // namespace mitibox::relay

int main(int argc, char* argv[]) {
  try {
    return mitibox::relay::run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "mitibox-relay: {}\n", e.what());
    return 1;
  }
}

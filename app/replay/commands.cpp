// SPDX-License-Identifier: BSD-3-Clause
#include "commands.hpp"

#include <cstdio>
#include <fstream>

#include <fmt/format.h>

#include "base/eal.hpp"
#include "derive.hpp"
#include "engine.hpp"
#include "report.hpp"

namespace mitibox::replay {

namespace {

/// A capture holds hosts' own answers to SYNs, which only admission `forward` asks for.
Policy replayable(Policy policy) {
  policy.admission = Policy::Admission::forward;
  policy.normalise.isn = false;
  return policy;
}

/// EAL for the time of a command.
struct Eal {
  explicit Eal(const Policy& policy) {
    start_offline_eal("mitibox-replay", Pools::megabytes(Chain::memory_bytes(policy, 1)));
  }
  ~Eal() { stop_offline_eal(); }
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
};

void warn_of_files(const Merge& captures) {
  for (const Capture& capture : captures.captures())
    if (!capture.error().empty())
      fmt::print(stderr, "mitibox-replay: {}: breaks off after {} frames: {}\n", capture.file(),
                 capture.frames(), capture.error());
}

void warn_of_intake(const Intake& intake) {
  if (intake.cut > 0)
    fmt::print(stderr,
               "mitibox-replay: {} frames were cut by the capture and will look malformed; capture "
               "with a larger snap length (tcpdump -s 0)\n",
               intake.cut);
}

Engine::Config config_of(const Options& options, const Policy& policy, Key128 key) {
  Engine::Config config{key, options.inside, {}};
  if (config.inside.empty()) config.inside = policy.protected_prefixes;
  if (!options.out.empty()) config.outputs.push_back({options.out, true, true});
  if (!options.out_outside.empty()) config.outputs.push_back({options.out_outside, true, false});
  if (!options.out_inside.empty()) config.outputs.push_back({options.out_inside, false, true});
  return config;
}

struct Subject {
  std::string name;
  nlohmann::ordered_json policy;
};

std::vector<Subject> subjects_of(const Survey& survey, std::size_t most) {
  std::vector<Subject> subjects;
  for (const Candidate& c : survey.candidates()) {
    if (subjects.size() == most) break;
    subjects.push_back({to_string(c.address), derive_policy({&c, 1}, {})});
  }
  if (subjects.empty())
    for (const Address& target : survey.targets())
      subjects.push_back({to_string(target), {{"protected", {to_string(target)}}}});
  if (subjects.empty()) subjects.push_back({"nobody", {{"protected", {"192.0.2.0/24"}}}});
  return subjects;
}

/// A file of this subject's own for each that was asked for.
Options numbered(Options options) {
  static unsigned number = 0;
  for (std::string* file : {&options.out, &options.out_outside, &options.out_inside})
    if (!file->empty()) *file += fmt::format(".{}", number);
  ++number;
  return options;
}

/// Small tables fill up, and are soon allocated.
void shrink_tables(nlohmann::ordered_json& policy) {
  policy["tables"] = {{"connections", 4096},   {"sources", 4096},  {"retransmissions", 4096},
                      {"conversations", 1024}, {"fragments", 256}, {"reply_buffers", 1024}};
}

void print_line(const nlohmann::ordered_json& line) {
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  fmt::print("{}\n", line.dump(-1, ' ', false, replace));
  std::fflush(stdout);
}

int run_subject(const Options& given, const std::string& file, Subject subject, Pools& pools) {
  const Options options = numbered(given);
  print_line({{"begin", file}, {"protected", subject.name}});
  shrink_tables(subject.policy);
  if (!options.policy.empty())
    subject.policy.merge_patch(nlohmann::ordered_json::parse(std::ifstream(options.policy)));
  nlohmann::ordered_json line = {{"capture", file},
                                 {"protected", subject.name},
                                 {"out_inside", options.out_inside},
                                 {"out_outside", options.out_outside}};
  Policy policy;
  try {
    policy = parse_policy(subject.policy.dump(), subject.name);
    policy = replayable(policy);
  } catch (const PolicyError& e) {
    line["refused"] = e.what();
    print_line(line);
    return kDone;
  }
  const ReportOptions wanted{options.key.value_or(Key128{}), options.key.has_value(), options.top};
  Merge captures({file});
  Engine engine(policy, config_of(options, policy, wanted.key), pools);
  engine.run(captures);
  line["report"] = make_report(engine, captures, policy, wanted);
  print_line(line);
  return accounts_balance(line["report"]) ? kDone : kUnbalanced;
}

}  // namespace

int run_replay(const Options& options) {
  const Policy said = load_policy(options.policy);
  const Policy policy = replayable(said);
  Merge captures(options.captures);
  const Eal eal(policy);
  Pools pools;
  const ReportOptions wanted{options.key ? *options.key : random_key(), options.key.has_value(),
                             options.top};
  Engine engine(policy, config_of(options, policy, wanted.key), pools);
  for (const std::string& warning : warnings(policy))
    fmt::print(stderr, "mitibox-replay: {}\n", warning);
  if (said.admission == Policy::Admission::handshake)
    fmt::print(stderr,
               "mitibox-replay: a capture holds the hosts' own handshakes: it is replayed with "
               "admission forward, and with the hosts' sequence numbers\n");
  engine.run(captures);
  warn_of_files(captures);
  warn_of_intake(engine.intake());
  const auto report = make_report(engine, captures, policy, wanted);
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  fmt::print("{}", options.json ? report.dump(2, ' ', false, replace) + "\n" : as_text(report));
  if (accounts_balance(report)) return kDone;
  fmt::print(stderr, "mitibox-replay: the accounts do not balance; this is a defect\n");
  return kUnbalanced;
}

int run_derive(const Options& options) {
  Merge captures(options.captures);
  const Survey survey(captures);
  warn_of_files(captures);
  std::vector<Candidate> candidates = survey.candidates();
  if (options.derive == "list") {
    for (const Candidate& c : candidates) fmt::print("{}\n", to_string(c.address));
    return kDone;
  }
  if (const auto only = parse_address(options.derive)) {
    std::erase_if(candidates, [&](const Candidate& c) { return c.address != *only; });
    if (candidates.empty())
      throw std::runtime_error(fmt::format(
          "{} answers nobody in these captures; --derive list shows who does", options.derive));
  }
  if (candidates.empty() && options.inside.empty())
    throw std::runtime_error("nobody answers anybody in these captures");
  fmt::print("{}\n", derive_policy(candidates, options.inside).dump(2));
  return kDone;
}

int run_each(const Options& options) {
  nlohmann::ordered_json dummy = {{"protected", {"192.0.2.0/24"}}};
  shrink_tables(dummy);
  const Eal eal(parse_policy(dummy.dump(), "tables"));
  Pools pools;
  int worst = kDone;
  for (const std::string& file : options.captures) {
    try {
      Merge captures({file});
      const Survey survey(captures);
      for (Subject& subject : subjects_of(survey, options.each))
        worst = std::max(worst, run_subject(options, file, std::move(subject), pools));
    } catch (const std::runtime_error& e) {
      print_line({{"capture", file}, {"error", e.what()}});
      worst = std::max(worst, kCannot);
    }
  }
  return worst;
}

}  // namespace mitibox::replay

// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "tracker/tracker.hpp"

namespace mitibox::replay {

namespace {

using Json = nlohmann::ordered_json;

template <typename Counts>
Json by_side(const Counts& counts) {
  return {{"outside", counts[index(Side::outside)].get()},
          {"inside", counts[index(Side::inside)].get()}};
}

double seconds(Stamp span) {
  return std::chrono::duration<double>(span).count();
}

std::string level_name(const TrustLevel& level) {
  if (level.number == 0) return "untrusted";
  if (level.number == 1) return "distrusted";
  return fmt::format("partially distrusted {}", level.number - 1);
}

Json files_of(const Merge& captures) {
  Json files = Json::array();
  for (const Capture& capture : captures.captures()) {
    Json file = {{"file", capture.file()}, {"frames", capture.frames()}};
    if (!capture.error().empty()) file["error"] = capture.error();
    files.push_back(file);
  }
  return files;
}

Json intake_of(const Engine& engine) {
  const Intake& intake = engine.intake();
  return {{"frames", intake.frames},       {"seconds", seconds(intake.last - intake.first)},
          {"withheld", intake.withheld},   {"cut", intake.cut},
          {"backwards", intake.backwards}, {"rewritten", engine.rewriter().rewritten()}};
}

Json ends_of(const Engine& engine) {
  Json ends = Json::array();
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    const std::uint64_t frames = engine.chain().counters().ended[i].get();
    if (frames == 0) continue;
    const ReasonRow& reason = kReasons[i];
    ends.push_back({{"reason", reason.name},
                    {"kind", reason.kind == ReasonKind::drop ? "drop" : "consume"},
                    {"frames", frames},
                    {"consequence", engine.journal().consequences()[i]},
                    {"cause", reason.cause},
                    {"remedy", reason.remedy}});
  }
  std::stable_sort(ends.begin(), ends.end(), [](const Json& a, const Json& b) {
    return a["frames"].get<std::uint64_t>() > b["frames"].get<std::uint64_t>();
  });
  return ends;
}

Json attempts_of(const Attempts& attempts) {
  return {{"total", attempts.total},       {"passed", attempts.passed},
          {"delayed", attempts.delayed},   {"repeated", attempts.repeated},
          {"diverted", attempts.diverted}, {"refused", attempts.refused}};
}

Json trust_of(const Chain& chain) {
  const Trust::Counters& trust = chain.trust().counters();
  return {{"passed", trust.passed},
          {"diverted", trust.diverted},
          {"unproven", trust.unproven},
          {"proven", trust.proven},
          {"allowed", trust.allowed},
          {"escalations", trust.escalations},
          {"sketch_evictions", trust.sketch_evictions},
          {"source_evictions", trust.source_evictions}};
}

Json reply_of(const Chain& chain) {
  const Reply::Counters& reply = chain.reply().counters();
  return {{"syn_acks", reply.syn_acks},
          {"echoes", reply.echoes},
          {"unreachables", reply.unreachables},
          {"proofs", reply.proofs},
          {"bad_cookies", reply.bad_cookies},
          {"conversation_evictions", reply.conversation_evictions},
          {"resets", reply.resets},
          {"words", reply.words},
          {"words_again", reply.words_again}};
}

Json neighbours_of(const Chain& chain) {
  const Neighbours::Counters& n = chain.neighbours().counters();
  return {{"answers", n.answers},
          {"probes", n.probes},
          {"announcements", n.announcements},
          {"rewrites", n.rewrites}};
}

Json classes_of(const Counters& counters) {
  const auto of = [&](Class c) { return counters.classes[static_cast<std::size_t>(c)].get(); };
  return {{"pass", of(Class::pass)},
          {"neighbour", of(Class::neighbour)},
          {"inbound", of(Class::inbound)},
          {"outbound", of(Class::outbound)}};
}

Json tables_of(const Chain& chain, const Policy& policy) {
  const auto table = [](std::uint32_t used, std::uint32_t size) {
    return Json{{"used", used}, {"size", size}};
  };
  const auto& limits = policy.tables;
  return {{"connections_v4", table(chain.tracker().table(Family::v4).size(), limits.connections)},
          {"connections_v6", table(chain.tracker().table(Family::v6).size(), limits.connections)},
          {"sources", table(chain.trust().proven_sources(), limits.sources)},
          {"conversations", table(chain.reply().conversations(), limits.conversations)}};
}

Json sources_of(const Engine& engine, std::size_t top) {
  Json list = Json::array();
  for (const SourceRecord& s : engine.journal().sources()) {
    if (list.size() == top) break;
    const TrustLevel level = engine.chain().trust().level(s.source, engine.now().time);
    list.push_back({{"source", to_string(s.source)},
                    {"frames", s.frames},
                    {"attempts", s.attempts},
                    {"delayed", s.delayed},
                    {"dropped", s.dropped},
                    {"forged", s.forged},
                    {"level", level_name(level)},
                    {"proven", level.proven}});
  }
  return list;
}

template <typename Range>
std::uint64_t total(const Range& counters) {
  return std::accumulate(counters.begin(), counters.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Counter& c) { return sum + c.get(); });
}

/// Three independent counts of the same frames: the chain's, the wire's, and what was fed.
Json accounting_of(const Engine& engine) {
  const Counters& c = engine.chain().counters();
  const OfflineWire& wire = engine.wire();
  const std::uint64_t fed = engine.intake().frames - engine.intake().withheld;
  const std::uint64_t received = total(c.received);
  const std::uint64_t forwarded = total(c.forwarded);
  const std::uint64_t refused = total(c.refused);
  const std::uint64_t ended = total(c.ended);
  bool exact = fed == received && received == forwarded + refused + ended && engine.lost() == 0;
  for (const Side side : {Side::outside, Side::inside})
    exact = exact && wire.forwarded(side) == c.forwarded[index(side)].get() &&
            wire.made(side) == c.made[index(side)].get();
  return {{"fed", fed},     {"received", received},  {"forwarded", forwarded}, {"refused", refused},
          {"ended", ended}, {"lost", engine.lost()}, {"exact", exact}};
}

}  // namespace

std::string to_hex(Key128 key) {
  return fmt::format("{:016x}{:016x}", key.k0, key.k1);
}

Json make_report(const Engine& engine, const Merge& captures, const Policy& policy,
                 const ReportOptions& options) {
  const Chain& chain = engine.chain();
  const Counters& c = chain.counters();
  return {{"mitibox_replay", MITIBOX_VERSION},
          {"key", to_hex(options.key)},
          {"key_given", options.key_given},
          {"captures", files_of(captures)},
          {"intake", intake_of(engine)},
          {"received", by_side(c.received)},
          {"forwarded", by_side(c.forwarded)},
          {"refused", by_side(c.refused)},
          {"made", by_side(c.made)},
          {"made_refused", by_side(c.made_refused)},
          {"classes", classes_of(c)},
          {"ended", ends_of(engine)},
          {"attempts", attempts_of(engine.journal().attempts())},
          {"trust", trust_of(chain)},
          {"reply", reply_of(chain)},
          {"neighbours", neighbours_of(chain)},
          {"tables", tables_of(chain, policy)},
          {"sources_seen", engine.journal().sources().size()},
          {"sources", sources_of(engine, options.top)},
          {"accounting", accounting_of(engine)}};
}

bool accounts_balance(const Json& report) {
  return report["accounting"]["exact"].get<bool>();
}

}  // namespace mitibox::replay

// SPDX-License-Identifier: BSD-3-Clause
#include "state/trust_sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace mitibox {

namespace {

constexpr char kProven[] = "trust.proven";
constexpr char kUnproven[] = "trust.unproven";
/// 1: without SavedSource::member_of. SavedSource::repeats stands where 2 had a zero at first.
constexpr std::uint32_t kProvenVersion = 2;
constexpr std::uint32_t kUnprovenVersion = 1;

struct ProvenHeader {
  std::uint32_t ipv4_prefix;
  std::uint32_t ipv6_prefix;
};
struct ProvenRow1 {
  Source source;
  Time start;
};
static_assert(sizeof(ProvenRow1) == 24);
struct UnprovenHeader {
  std::uint64_t layout;
};

template <typename Head, typename Row>
Bytes pack(const Head& head, const std::vector<Row>& rows) {
  Bytes out(sizeof head + rows.size() * sizeof(Row));
  std::memcpy(out.data(), &head, sizeof head);
  if (!rows.empty()) std::memcpy(out.data() + sizeof head, rows.data(), rows.size() * sizeof(Row));
  return out;
}

/// Whether the section has one head and whole rows.
template <typename Head, typename Row>
bool unpack(const Bytes& bytes, Head& head, std::vector<Row>& rows) {
  if (bytes.size() < sizeof head || (bytes.size() - sizeof head) % sizeof(Row) != 0) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  rows.resize((bytes.size() - sizeof head) / sizeof(Row));
  if (!rows.empty())
    std::memcpy(rows.data(), bytes.data() + sizeof head, rows.size() * sizeof(Row));
  return true;
}

/// Empty when it can be used.
std::string layout_of(const Section& s, std::uint32_t expected) {
  return s.version == expected
             ? ""
             : fmt::format("{} not restored: layout {}, expected {}", s.name, s.version, expected);
}

/// Of either version.
bool unpack(const Section& section, ProvenHeader& head, std::vector<SavedSource>& rows) {
  if (section.version != 1) return unpack(section.bytes, head, rows);
  std::vector<ProvenRow1> old;
  if (!unpack(section.bytes, head, old)) return false;
  for (const ProvenRow1& r : old) rows.push_back({r.source, r.start});
  return true;
}

void read_proven(const Section& section, const Policy& policy, ReadTrust& out) {
  ProvenHeader head{};
  if (std::string wrong = layout_of(section, kProvenVersion);
      section.version != 1 && !wrong.empty())
    return out.remarks.push_back(std::move(wrong));
  TrustState& t = out.trust;
  if (!unpack(section, head, t.sources) || head.ipv4_prefix > 32 || head.ipv6_prefix > 128) {
    t.sources.clear();
    return out.remarks.push_back(fmt::format("{} not restored: it is not whole", section.name));
  }
  t.ipv4_prefix = head.ipv4_prefix;
  t.ipv6_prefix = head.ipv6_prefix;
  const auto drop = [&](bool v4, unsigned was, unsigned is) {
    if (is <= was) return;
    const auto gone = std::erase_if(
        t.sources, [&](const SavedSource& s) { return s.source.address().is_v4() == v4; });
    if (gone != 0)
      out.remarks.push_back(fmt::format(
          "the distrust of {} sources is not restored: they were prefixes of {} bits, and the "
          "policy's trust.{}_prefix is {} now",
          gone, was, v4 ? "ipv4" : "ipv6", is));
  };
  drop(true, head.ipv4_prefix, policy.trust.ipv4_prefix);
  drop(false, head.ipv6_prefix, policy.trust.ipv6_prefix);
  std::sort(t.sources.begin(), t.sources.end(),
            [](const SavedSource& a, const SavedSource& b) { return a.start < b.start; });
}

void read_unproven(const Section& section, std::uint64_t layout, ReadTrust& out) {
  UnprovenHeader head{};
  if (std::string wrong = layout_of(section, kUnprovenVersion); !wrong.empty())
    return out.remarks.push_back(std::move(wrong));
  if (!unpack(section.bytes, head, out.trust.cells)) {
    out.trust.cells.clear();
    return out.remarks.push_back(fmt::format("{} not restored: it is not whole", section.name));
  }
  out.trust.layout = head.layout;
  out.cells = head.layout == layout;
  if (!out.cells && !out.trust.cells.empty())
    out.remarks.push_back(
        "unproven evidence is not restored: the keys, the number of workers, tables.sources, a "
        "trust prefix, or trust.evidence, trust.light or trust.distrusted are others now");
}

}  // namespace

std::uint64_t trust_layout(const Policy& policy, const Secrets& secrets, const Owner& owner,
                           unsigned workers) {
  const auto& t = policy.trust;
  std::uint64_t digest = siphash24_of(secrets.sketch, workers, policy.tables.sources,
                                      std::uint64_t{t.ipv4_prefix} << 32U | t.ipv6_prefix,
                                      t.evidence, t.light.count(), t.distrusted.count());
  for (std::uint64_t i = 0; i < 64; ++i) {
    const std::uint64_t any = siphash13_of(secrets.sketch, i);
    Address v6;
    std::memcpy(v6.bytes.data(), &any, sizeof any);
    const Address v4(be32::from_raw(static_cast<std::uint32_t>(any)));
    digest = siphash24_of(secrets.sketch, digest, owner.of(v4), owner.of(v6));
  }
  return digest;
}

void add_sections(Image& image, const TrustState& trust) {
  image.sections.push_back(
      {kProven, kProvenVersion,
       pack(ProvenHeader{trust.ipv4_prefix, trust.ipv6_prefix}, trust.sources)});
  image.sections.push_back(
      {kUnproven, kUnprovenVersion, pack(UnprovenHeader{trust.layout}, trust.cells)});
}

ReadTrust read_sections(const Image& image, const Policy& policy, std::uint64_t layout) {
  ReadTrust out;
  if (const Section* s = image.find(kProven); s != nullptr) read_proven(*s, policy, out);
  if (const Section* s = image.find(kUnproven); s != nullptr) read_unproven(*s, layout, out);
  return out;
}

}  // namespace mitibox

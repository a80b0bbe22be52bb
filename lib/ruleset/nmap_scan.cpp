// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/nmap_scan.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>

#include "base/file.hpp"
#include "policy/text.hpp"

namespace mitibox {

namespace {

namespace pt = boost::property_tree;
using policy_text::printable;

constexpr std::size_t kMostName = 300;
constexpr std::int64_t kLatest = 4'102'444'800;  // year 2100

[[noreturn]] void refuse(std::string_view name, std::string_view found, std::string_view expected) {
  throw ScanError(
      fmt::format("{}: found {}, expected {}", printable(name, kMostName), found, expected));
}

template <typename Number>
std::optional<Number> number(std::string_view text, Number least, Number most) {
  Number n{};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc{} || at != end || n < least || n > most) return std::nullopt;
  return n;
}

std::string attribute(const pt::ptree& element, const char* name) {
  return element.get<std::string>(pt::ptree::path_type(std::string("<xmlattr>/") + name, '/'), "");
}

/// How deep elements stand in each other. The parser, and what it makes, recurse as deep: it is not
/// to run out of stack. Up to the first mistake in the text both read the same.
class Depth {
 public:
  explicit Depth(std::string_view xml) : left_(xml) {}

  std::size_t most() {
    while (skip_past("<")) {
      if (left_.starts_with("!--"))
        skip_past("-->");
      else if (left_.starts_with("![CDATA["))
        skip_past("]]>");
      else if (left_.starts_with('?'))
        skip_past("?>");
      else if (left_.starts_with('!') || left_.starts_with('/'))
        declaration_or_end();
      else
        element();
    }
    return most_;
  }

 private:
  bool skip_past(std::string_view what) {
    const auto at = left_.find(what);
    left_.remove_prefix(at == left_.npos ? left_.size() : at + what.size());
    return at != left_.npos;
  }
  void declaration_or_end() {
    if (left_.front() == '/' && depth_ > 0) --depth_;
    skip_past(">");
  }
  void element() {
    most_ = std::max(most_, ++depth_);
    char quote = '\0';
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const char c = left_[i];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        if (i > 0 && left_[i - 1] == '/') --depth_;
        left_.remove_prefix(i + 1);
        return;
      }
    }
    left_ = {};
  }

  std::string_view left_;
  std::size_t depth_ = 0;
  std::size_t most_ = 0;
};

pt::ptree parse(std::string_view xml, std::string_view name) {
  if (xml.size() > NmapScan::kMostBytes)
    refuse(name, "a file of more than 32 MiB", "a scan of at most 32 MiB; scan in parts");
  if (xml.find_first_not_of(" \t\r\n") == xml.npos)
    refuse(name, "an empty file", "the XML that nmap -oX writes");
  if (xml.find('\0') != xml.npos) refuse(name, "a zero byte", "the XML that nmap -oX writes");
  if (Depth(xml).most() > NmapScan::kMostDepth)
    refuse(name, "elements nested too deeply",
           fmt::format("at most {} levels", NmapScan::kMostDepth));
  std::istringstream stream{std::string(xml)};
  pt::ptree tree;
  try {
    pt::read_xml(stream, tree, pt::xml_parser::no_comments);
  } catch (const pt::xml_parser_error& e) {
    refuse(name,
           fmt::format("what is not whole XML (line {}: {})", e.line(), printable(e.message())),
           "the XML that nmap -oX writes, of a scan that is over");
  }
  return tree;
}

std::vector<Address> addresses_of(const pt::ptree& host, std::string_view name) {
  std::vector<Address> out;
  for (const auto& [kind, element] : host) {
    if (kind != "address") continue;
    const std::string type = attribute(element, "addrtype");
    if (type != "ipv4" && type != "ipv6") continue;
    const std::string text = attribute(element, "addr");
    const auto a = parse_address(text);
    if (!a || a->is_v4() != (type == "ipv4"))
      refuse(name, fmt::format("\"{}\" as an address", printable(text)), "one of " + type);
    out.push_back(*a);
  }
  return out;
}

void read_port(const pt::ptree& port, const std::vector<Address>& addresses, std::string_view name,
               NmapScan& scan) {
  const std::string kind = attribute(port, "protocol");
  if (kind != "tcp" && kind != "udp") return;
  const auto state = port.get_child_optional("state");
  if (!state || attribute(*state, "state") != "open") return;
  const std::string text = attribute(port, "portid");
  const auto number_of = number<std::uint32_t>(text, 1, 65535);
  if (!number_of) refuse(name, fmt::format("\"{}\" as a port", printable(text)), "1 to 65535");
  for (const Address& a : addresses)
    scan.open.push_back({a, static_cast<std::uint16_t>(*number_of),
                         kind == "udp" ? protocol::kUdp : protocol::kTcp});
}

void read_host(const pt::ptree& host, std::string_view name, NmapScan& scan) {
  const auto status = host.get_child_optional("status");
  if (status && attribute(*status, "state") != "up") return;
  const std::vector<Address> addresses = addresses_of(host, name);
  for (const auto& [kind, element] : host) {
    if (kind != "ports") continue;
    for (const auto& [inner, port] : element)
      if (inner == "port") read_port(port, addresses, name, scan);
  }
}

std::string content(const std::string& name) {
  const auto unreadable = [&](const char* why) {
    throw ScanError(fmt::format("{}: cannot be read: {}", printable(name, kMostName), why));
  };
  const File f(name.c_str(), O_RDONLY | O_NONBLOCK);
  struct stat about {};
  if (f.fd() < 0 || ::fstat(f.fd(), &about) != 0) unreadable(std::strerror(errno));
  if (!S_ISREG(about.st_mode)) unreadable("it is no regular file");
  std::string bytes;
  while (bytes.size() <= NmapScan::kMostBytes) {
    char chunk[65536];
    const ssize_t n = ::read(f.fd(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) unreadable(std::strerror(errno));
    if (n == 0) break;
    bytes.append(chunk, static_cast<std::size_t>(n));
  }
  return bytes;
}

}  // namespace

NmapScan parse_nmap_scan(std::string_view xml, std::string_view name) {
  const pt::ptree tree = parse(xml, name);
  const auto run = tree.get_child_optional("nmaprun");
  if (!run) refuse(name, "XML without <nmaprun>", "the XML that nmap -oX writes");
  NmapScan scan;
  const std::string start = attribute(*run, "start");
  const auto seconds = number<std::int64_t>(start, 1, kLatest);
  if (!seconds)
    refuse(name, fmt::format("\"{}\" as the start of <nmaprun>", printable(start)),
           "seconds since 1970");
  scan.start = Date(std::chrono::seconds(*seconds));
  for (const auto& [kind, element] : *run)
    if (kind == "host") read_host(element, name, scan);
  const Registry::Order order;
  std::sort(scan.open.begin(), scan.open.end(), order);
  const auto same = [&](const Destination& a, const Destination& b) { return !order(a, b); };
  scan.open.erase(std::unique(scan.open.begin(), scan.open.end(), same), scan.open.end());
  return scan;
}

NmapScan read_nmap_scan(const std::filesystem::path& file) {
  const std::string name = file.string();
  return parse_nmap_scan(content(name), name);
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
#include "ruleset/nmap_scan.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

using namespace mitibox;
using Catch::Contains;

namespace {

const std::string kHead = R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.93 scan initiated as: nmap -oX lan.xml 203.0.113.0/24 -->
)";

const std::string kScan = kHead + R"(<nmaprun scanner="nmap" start="1750000000" version="7.93">
<scaninfo type="syn" protocol="tcp" numservices="3" services="22,25,80"/>
<verbose level="0"/>
<hosthint><status state="up"/><address addr="203.0.113.10" addrtype="ipv4"/></hosthint>
<host starttime="1750000001"><status state="up" reason="arp-response"/>
<address addr="203.0.113.10" addrtype="ipv4"/>
<address addr="02:00:00:00:00:0a" addrtype="mac" vendor="a &amp; &quot;b&quot; &gt;"/>
<hostnames><hostname name="web.lab" type="PTR"/></hostnames>
<ports><extraports state="closed" count="1"><extrareasons reason="reset" count="1"/></extraports>
<port protocol="tcp" portid="80"><state state="open" reason="syn-ack"/><service name="http"/></port>
<port protocol="tcp" portid="25"><state state="filtered"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/></port>
<port protocol="udp" portid="69"><state state="open|filtered"/></port>
<port protocol="sctp" portid="9"><state state="open"/></port>
</ports></host>
<host><status state="down"/><address addr="203.0.113.11" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="80"><state state="open"/></port></ports></host>
<host><status state="up"/><address addr="2001:db8:1::10" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="443"><state state="open"/></port>
<port protocol="tcp" portid="443"><state state="open"/></port></ports></host>
<runstats><finished time="1750000009" exit="success"/></runstats>
</nmaprun>
)";

std::string refusal(std::string_view xml) {
  try {
    parse_nmap_scan(xml, "lan.xml");
  } catch (const ScanError& e) {
    const std::string what = e.what();
    CHECK(what.starts_with("lan.xml: found "));
    CHECK_THAT(what, Contains(", expected "));
    CHECK(what.find('\n') == what.npos);
    return what;
  }
  return "accepted";
}

std::string with(const std::string& inner) {
  return kHead + "<nmaprun start=\"1750000000\">" + inner + "</nmaprun>";
}

}  // namespace

TEST_CASE("A scan's open ports are read, and nothing else") {
  const NmapScan scan = parse_nmap_scan(kScan, "lan.xml");
  CHECK(scan.start.time_since_epoch().count() == 1'750'000'000);
  std::string found;
  for (const Destination& d : scan.open)
    found += fmt::format("{} {}/{}\n", to_string(d.address), d.port, d.protocol);
  CHECK(found == "203.0.113.10 80/6\n203.0.113.10 53/17\n2001:db8:1::10 443/6\n");
}

TEST_CASE("A scan that found nothing is one") {
  CHECK(parse_nmap_scan(with(""), "lan.xml").open.empty());
  CHECK(parse_nmap_scan(with("<host/><host><ports/></host>"), "lan.xml").open.empty());
}

TEST_CASE("A scan of masscan's, without a host's status") {
  const auto scan = parse_nmap_scan(
      with(R"(<host endtime="1"><address addr="203.0.113.7" addrtype="ipv4"/><ports>)"
           R"(<port protocol="tcp" portid="22"><state state="open"/></port></ports></host>)"),
      "lan.xml");
  REQUIRE(scan.open.size() == 1);
  CHECK(scan.open[0].port == 22);
}

TEST_CASE("What is no scan is refused with a word") {
  CHECK_THAT(refusal(""), Contains("an empty file"));
  CHECK_THAT(refusal("# Nmap 7.93 scan initiated"), Contains("XML"));
  CHECK_THAT(refusal("<html/>"), Contains("XML without <nmaprun>"));
  CHECK_THAT(refusal(kScan.substr(0, kScan.size() / 2)), Contains("not whole XML (line "));
  CHECK_THAT(refusal(kScan.substr(0, kScan.size() - 12)), Contains("not whole XML"));
  CHECK_THAT(refusal(std::string("<nmaprun start=\"1\">\0</nmaprun>", 30)),
             Contains("a zero byte"));
  CHECK_THAT(refusal("<nmaprun/>"), Contains("\"\" as the start"));
  CHECK_THAT(refusal("<nmaprun start=\"soon\"/>"), Contains("\"soon\" as the start"));
  CHECK_THAT(refusal("<nmaprun start=\"99999999999999999999\"/>"), Contains("as the start"));
  CHECK_THAT(refusal("<nmaprun start=\"-5\"/>"), Contains("as the start"));
  const auto host = [](const char* address, const char* type, const char* port) {
    return with(
        fmt::format(R"(<host><address addr="{}" addrtype="{}"/><ports><port protocol="tcp" )"
                    R"(portid="{}"><state state="open"/></port></ports></host>)",
                    address, type, port));
  };
  CHECK(refusal(host("203.0.113.1", "ipv4", "80")) == "accepted");
  CHECK_THAT(refusal(host("203.0.113.256", "ipv4", "80")), Contains("as an address"));
  CHECK_THAT(refusal(host("203.0.113.1", "ipv6", "80")), Contains("as an address"));
  CHECK_THAT(refusal(host("203.0.113.1", "ipv4", "0")), Contains("\"0\" as a port"));
  CHECK_THAT(refusal(host("203.0.113.1", "ipv4", "65616")), Contains("as a port"));
  CHECK_THAT(refusal(std::string(NmapScan::kMostBytes + 1, ' ')), Contains("more than 32 MiB"));
}

TEST_CASE("Nesting is bounded, however it is hidden") {
  const auto nested = [](const std::string& element) {
    std::string xml = "<nmaprun start=\"1\">";
    for (int i = 0; i < 1'000'000; ++i) xml += element;
    return xml;
  };
  for (const char* element : {"<a>", "<a x='/>'>", "<a x=\"</a>\">", "<a><!-- </a> -->",
                              "<a><![CDATA[</a></a>]]>", "<a><?p </a> ?>", "<a x='\"/>'>"}) {
    CAPTURE(element);
    CHECK_THAT(refusal(nested(element)), Contains("nested too deeply"));
  }
  CHECK_THAT(refusal(nested("<a>").substr(0, 150)), Contains("not whole XML"));
}

TEST_CASE("Entities are not expanded without end") {
  const std::string bomb =
      "<!DOCTYPE nmaprun [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
      "<nmaprun start=\"1750000000\" args=\"&b;\"><x>&b;</x></nmaprun>";
  try {
    CHECK(parse_nmap_scan(bomb, "lan.xml").open.empty());
  } catch (const ScanError&) {
  }
}

TEST_CASE("Whatever the bytes of a scan, nothing but ScanError is thrown") {
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = kScan;
    for (auto n = 1 + random() % 6; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      if (random() % 2 == 0)
        bytes[at] = static_cast<char>(random());
      else
        bytes.erase(at, 1 + random() % 16);
    }
    try {
      static_cast<void>(parse_nmap_scan(bytes, "lan.xml"));
    } catch (const ScanError&) {
    }
  }
}

TEST_CASE("Files that cannot be read as a scan say why") {
  std::string name = (std::filesystem::temp_directory_path() / "mitibox-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(name.data());
  const auto refuse = [](const std::filesystem::path& file) -> std::string {
    try {
      read_nmap_scan(file);
    } catch (const ScanError& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK_THAT(refuse(folder / "none.xml"), Contains("none.xml: cannot be read: No such file"));
  CHECK_THAT(refuse(folder), Contains("cannot be read: it is no regular file"));
  CHECK_THAT(refuse("/dev/zero"), Contains("no regular file"));
  std::filesystem::remove_all(folder);
}

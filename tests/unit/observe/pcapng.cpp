// SPDX-License-Identifier: BSD-3-Clause
#include "observe/pcapng.hpp"

#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <numeric>

using namespace mitibox;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/mitibox-pcapng-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

constexpr std::array<std::string_view, 2> kPorts{"outside", "inside"};

}  // namespace

TEST_CASE("pcapng: libpcap reads what was written, to the nanosecond", "[observe]") {
  const Folder folder;
  const std::string path = (folder.path / "x.pcapng").string();
  std::vector<std::uint8_t> bytes(1518);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  constexpr std::uint64_t kStart = 1'800'000'000'123'456'789;
  {
    PcapngFile file(path, kPorts);
    for (std::uint32_t length = 60; length < 68; ++length)
      file.write({.interface = length & 1U,
                  .ns = kStart + length,
                  .bytes = {bytes.data(), length},
                  .length = length + 100,
                  .outbound = false,
                  .comment = std::string_view("dropped: coin").substr(0, length - 59)});
    CHECK(file.size() == std::filesystem::file_size(path));
  }
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* const in =
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
  REQUIRE(in != nullptr);
  CHECK(pcap_datalink(in) == DLT_EN10MB);
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  std::uint32_t length = 60;
  for (; pcap_next_ex(in, &header, &data) == 1; ++length) {
    CHECK(header->caplen == length);
    CHECK(header->len == length + 100);
    CHECK(static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
              static_cast<std::uint64_t>(header->ts.tv_usec) ==
          kStart + length);
    CHECK(std::equal(data, data + length, bytes.begin()));
  }
  pcap_close(in);
  CHECK(length == 68);
}

TEST_CASE("pcapng: a file of its own, or none", "[observe]") {
  const Folder folder;
  const std::string path = (folder.path / "x.pcapng").string();
  { const PcapngFile file(path, kPorts); }
  struct stat s {};
  REQUIRE(stat(path.c_str(), &s) == 0);
  CHECK((s.st_mode & 0777U) == 0600);
  CHECK_THROWS_WITH(PcapngFile(path, kPorts), Catch::Contains("File exists"));
  const std::string link = (folder.path / "link").string();
  std::filesystem::create_symlink(folder.path / "target", link);
  CHECK_THROWS_WITH(PcapngFile(link, kPorts), Catch::Contains("File exists"));
  CHECK_FALSE(std::filesystem::exists(folder.path / "target"));
  CHECK_THROWS_WITH(PcapngFile((folder.path / "no/x").string(), kPorts),
                    Catch::Contains("No such file"));
}

// SPDX-License-Identifier: BSD-3-Clause
#include "base/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstring>

using namespace mitibox;
using std::chrono::microseconds;

namespace {

/// systemd's end, under an abstract name or a path.
struct Manager {
  explicit Manager(std::string n) : name(std::move(n)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, name.data(), name.size());
    if (name[0] == '@') a.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&a), length) == 0);
  }
  ~Manager() {
    ::close(fd);
    if (name[0] != '@') ::unlink(name.c_str());
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  [[nodiscard]] std::string next() const {
    std::array<char, 256> text{};
    const ssize_t n = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
    return n < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(n));
  }
  std::string name;
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

}  // namespace

TEST_CASE("service manager: it is told line by line", "[base]") {
  const std::string name =
      fmt::format(fmt::runtime(GENERATE("@mitibox-test-{}", "/tmp/mitibox-notify-{}")), ::getpid());
  const Manager manager(name);
  ServiceManager box(name.c_str());
  REQUIRE(box.present());
  CHECK(box.tell("READY=1"));
  CHECK(manager.next() == "READY=1");
  box.status("forwarding");
  box.status("forwarding");
  CHECK(manager.next() == "STATUS=forwarding");
  CHECK(manager.next().empty());
}

TEST_CASE("service manager: a manager that does not read keeps nobody waiting", "[base]") {
  const std::string name = fmt::format("@mitibox-deaf-{}", ::getpid());
  const Manager manager(name);
  const ServiceManager box(name.c_str());
  int sent = 0;
  while (sent < 100'000 && box.tell("WATCHDOG=1")) ++sent;
  CHECK(sent < 100'000);
}

TEST_CASE("service manager: without one nothing is said", "[base]") {
  const std::string long_name = "/" + std::string(200, 'x');
  for (const char* name : {static_cast<const char*>(nullptr), "", "/", "relative",
                           "/tmp/is/not/there", long_name.c_str()}) {
    ServiceManager box(name);
    CHECK_FALSE(box.present());
    CHECK_FALSE(box.tell("READY=1"));
    box.status("forwarding");
  }
}

TEST_CASE("service manager: what the watchdog expects", "[base]") {
  const std::string own = std::to_string(::getpid());
  CHECK(ServiceManager::watchdog("3000000", own.c_str()) == microseconds(3'000'000));
  CHECK(ServiceManager::watchdog("3000000", nullptr) == microseconds(3'000'000));
  CHECK_FALSE(ServiceManager::watchdog("3000000", "1"));
  CHECK_FALSE(ServiceManager::watchdog("3000000", "x"));
  for (const char* usec :
       {static_cast<const char*>(nullptr), "", "0", "-1", "1s", "99999999999999999999"})
    CHECK_FALSE(ServiceManager::watchdog(usec, own.c_str()));
}

TEST_CASE("service manager: a status that was not taken is said again", "[base]") {
  const std::string name = fmt::format("@mitibox-late-{}", ::getpid());
  const Manager manager(name);
  ServiceManager box(name.c_str());
  while (box.tell("WATCHDOG=1")) continue;
  box.status("forwarding");
  while (!manager.next().empty()) continue;
  box.status("forwarding");
  CHECK(manager.next() == "STATUS=forwarding");
  box.status("forwarding");
  CHECK(manager.next().empty());
}

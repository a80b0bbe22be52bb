// SPDX-License-Identifier: BSD-3-Clause
#include "port/port_link.hpp"

#include <net/if.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "port/port_state.hpp"

namespace mitibox {

namespace {

class KernelLink : public PortLink {
 public:
  explicit KernelLink(unsigned interface)
      : interface_(interface), fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  ~KernelLink() override {
    if (fd_ >= 0) ::close(fd_);
  }
  KernelLink(const KernelLink&) = delete;
  KernelLink& operator=(const KernelLink&) = delete;

  bool up() override {
    const auto request = flags();
    return request && (request->ifr_flags & IFF_UP) != 0 && (request->ifr_flags & IFF_RUNNING) != 0;
  }

  std::string set(bool up) override {
    auto request = flags();
    if (!request) return std::strerror(errno);
    if (((request->ifr_flags & IFF_UP) != 0) == up) return {};
    const int flags = up ? request->ifr_flags | IFF_UP : request->ifr_flags & ~IFF_UP;
    request->ifr_flags = static_cast<short>(flags);
    return ::ioctl(fd_, SIOCSIFFLAGS, &*request) == 0 ? "" : std::strerror(errno);
  }

 private:
  /// By its number: names change.
  std::optional<ifreq> flags() const {
    ifreq request{};
    if (if_indextoname(interface_, request.ifr_name) == nullptr ||
        ::ioctl(fd_, SIOCGIFFLAGS, &request) != 0)
      return std::nullopt;
    return request;
  }

  unsigned interface_;
  int fd_;
};

class DriverLink : public PortLink {
 public:
  explicit DriverLink(std::uint16_t port) : port_(port) {}

  bool up() override {
    const auto link = port_link(port_);
    return link && link->link_status == RTE_ETH_LINK_UP;
  }

  std::string set(bool up) override {
    const int result = set_port_link(port_, up);
    if (result == 0) return {};
    return result == -ENOTSUP ? "its driver does not do that" : std::strerror(-result);
  }

 private:
  std::uint16_t port_;
};

}  // namespace

std::unique_ptr<PortLink> link_of(std::uint16_t port) {
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port, &info) == 0 && info.if_index != 0)
    return std::make_unique<KernelLink>(info.if_index);
  return std::make_unique<DriverLink>(port);
}

}  // namespace mitibox

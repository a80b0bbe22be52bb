// SPDX-License-Identifier: BSD-3-Clause
/// What the operator wants: plain, validated data. The rooms compile what they need from it; none
/// of them reads JSON. Immutable once loaded.
#pragma once

#include <algorithm>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.hpp"

namespace mitibox {

using Seconds = std::chrono::seconds;

struct PortRange {
  std::uint16_t first = 0;  ///< 1..65535
  std::uint16_t last = 0;   ///< >= first
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// A legitimate destination.
struct Service {
  Address address;
  std::vector<PortRange> tcp;  ///< sorted, disjoint
  std::vector<PortRange> udp;  ///< sorted, disjoint
  std::bitset<256> protocols;  ///< other IP protocols, e.g. 47
  bool echo = false;           ///< echo requests are forwarded to the host
  bool is_public = false;      ///< accepted always, without the coin, and never evidence
  bool forward = false;        ///< TCP: the host sees the client's SYN, whatever Policy::admission
};

/// A level of partial distrust.
struct PartialLevel {
  double divert = 0;  ///< share of attempts diverted, 0..1, below that of the level before
  Seconds duration{0};
};

/// Sources that Trust leaves alone: never diverted, nothing they do is evidence.
struct Allowance {
  struct Target {
    std::optional<Prefix> address;  ///< within protected; none: all of it
    std::vector<PortRange> tcp;     ///< sorted, disjoint
    std::vector<PortRange> udp;     ///< sorted, disjoint; none of both: whatever is there
  };

  std::vector<Prefix> sources;  ///< never empty
  std::vector<Target> to;       ///< empty: wherever they go
};

/// How forged conversations speak at some TCP ports. A character of the policy is a byte here.
struct Voice {
  static constexpr std::size_t kMost = 128;  ///< bytes of greeting and answer together

  std::vector<PortRange> ports;  ///< sorted, disjoint; a port has at most one voice
  std::string greeting;  ///< said when the handshake is complete; empty: client speaks first
  std::string answer;    ///< said to the client's first data; empty: silence
  friend bool operator==(const Voice&, const Voice&) = default;
};

struct AddressRange {
  Address first, last;  ///< of one family
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// Where the box listens.
struct SocketAddress {
  Address address;
  std::uint16_t port = 0;  ///< never 0
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

struct Policy {
  enum class Profile : std::uint8_t { standard, paper };
  /// monitor: judges and counts as if on, and changes no packet.
  enum class Mode : std::uint8_t { on, monitor };
  enum class Hairpin : std::uint8_t { drop, pass };
  enum class Retransmission : std::uint8_t { hold, admit };
  /// Who answers a SYN: the host, if it is legitimate, or the box, whoever it is for.
  enum class Admission : std::uint8_t { forward, handshake };
  enum class Evidence : std::uint8_t { attempt, weighted, proof };
  enum class UdpReply : std::uint8_t { silent, unreachable };
  /// What a TCP port that is no service looks like: open everywhere, or closed but for decoys.
  enum class Surface : std::uint8_t { open, sparse };
  enum class Ecn : std::uint8_t { clear, keep };

  Profile profile = Profile::standard;
  Mode mode = Mode::on;
  std::vector<Prefix> protected_prefixes;  ///< never empty
  std::vector<Address> gateways;           ///< each within a protected prefix
  Hairpin hairpin = Hairpin::drop;
  Admission admission = Admission::handshake;
  std::vector<Service> services;  ///< one entry an address, sorted by address

  struct {
    double drop = 0.5;  ///< 0..1
    Retransmission retransmission = Retransmission::admit;
  } probability;

  /// When proven sources distrust the prefix that they share.
  struct Escalate {
    static constexpr std::size_t kLengths = 4;
    static constexpr unsigned kFewest = 2, kMost = 8;
    static constexpr unsigned kMostNeeded = 16;

    std::vector<unsigned> ipv4;          ///< lengths, falling, all below ipv4_prefix
    std::vector<unsigned> ipv6{56, 48};  ///< the same of IPv6; kLengths each at most
    unsigned count = 4;                  ///< sources that distrust a prefix of the first length

    /// Proven sources that distrust a prefix, of the length `step` after the first.
    [[nodiscard]] unsigned needed(std::size_t step) const {
      unsigned n = count;
      while (step-- != 0) n = std::min(n * count, kMostNeeded);
      return n;
    }
    friend bool operator==(const Escalate&, const Escalate&) = default;
  };
  struct {
    Seconds distrusted{600};  ///< T1
    unsigned doublings = 3;   ///< of all levels, for proven evidence before a source is neutral
    Evidence evidence = Evidence::proof;
    std::vector<PartialLevel> partial;   ///< strictly decreasing; may be empty
    unsigned ipv4_prefix = 32;           ///< bits of an IPv4 source
    unsigned ipv6_prefix = 64;           ///< bits of an IPv6 source
    std::vector<Prefix> never_distrust;  ///< as an allowance to go wherever they like
    std::vector<Allowance> allow;
    Seconds light{30};  ///< `weighted`: span of the first unproven evidence; doubles per repeat
    Escalate escalate;
  } trust;

  struct Neighbours {
    std::vector<Prefix> answer_dark;        ///< within protected; at most 1024 addresses in all
    std::vector<AddressRange> dhcp_ranges;  ///< never answered for
    bool answer_live = true;                ///< of the same addresses, those that live as well

    friend bool operator==(const Neighbours&, const Neighbours&) = default;
  } neighbours;

  /// With Surface::sparse: which ports look open that are no service.
  struct Decoys {
    /// Where services usually are, and `share` holds; sorted, disjoint.
    std::vector<PortRange> ports{{21, 23},   {25, 25},     {53, 53},     {80, 80},    {110, 110},
                                 {135, 135}, {139, 139},   {143, 143},   {443, 443},  {445, 445},
                                 {993, 993}, {3306, 3306}, {3389, 3389}, {8080, 8080}};
    double share = 0.25;      ///< of these, and of those that services and voices name
    double elsewhere = 1e-4;  ///< of all others

    friend bool operator==(const Decoys&, const Decoys&) = default;
  };
  struct Reply {
    UdpReply udp = UdpReply::silent;
    Surface surface = Surface::open;
    Decoys decoys;
    std::vector<Voice> voices;

    friend bool operator==(const Reply&, const Reply&) = default;
  } reply;

  struct Normalise {
    Ecn ecn = Ecn::clear;  ///< ECE and CWR of TCP (rule S-TCP-2)
    bool headers = true;   ///< IP: what leaves shows the persona's TTL, ID, TOS and flow label
    bool options = true;   ///< TCP options of both ends' SYNs, in forwarded handshakes too
    bool isn = true;       ///< initial sequence numbers of hosts that open connections
    bool timing = true;    ///< calls to hosts leave at drawn instants
    bool segments = true;  ///< split for hosts with a smaller MSS than the box promises
    bool sack = true;      ///< made for hosts that have none, which the box promises
    std::uint32_t echo_rate = 100;  ///< echo requests a second and source; 0: no limit
    std::uint32_t error_rate = 1;   ///< ICMP errors a second and pair of addresses; 0: no limit

    friend bool operator==(const Normalise&, const Normalise&) = default;
  } normalise;

  struct {
    Seconds grace{120};         ///< after start: unknown connections may be picked up
    Seconds half_open{15};      ///< TCP, until the handshake is complete
    Seconds established{7440};  ///< RFC 5382
    Seconds closing{120};       ///< a FIN was seen
    Seconds time_wait{60};      ///< both FINs were acknowledged, or a reset was seen
    Seconds udp{30};            ///< one direction only
    Seconds udp_replied{180};   ///< both directions
    Seconds other{60};          ///< echo and other protocols
  } timeouts;

  /// Where events are written to; empty: not there.
  struct Events {
    std::string file;                    ///< absolute
    std::string socket;                  ///< absolute; of a UNIX stream socket
    std::optional<std::uint32_t> types;  ///< EventTypes; nothing: the default selection
    std::uint32_t rate = 100;  ///< of a kind, and of drops for a reason, a second and worker

    [[nodiscard]] bool written() const { return !file.empty() || !socket.empty(); }
  } events;

  /// Entries over all lcores together.
  struct Tables {
    std::uint32_t connections = 1U << 20U;          ///< IPv4
    std::optional<std::uint32_t> connections_ipv6;  ///< as many when it is not said
    std::uint32_t sources = 1U << 20U;
    std::uint32_t retransmissions = 1U << 20U;
    std::uint32_t conversations = 1U << 16U;
    std::uint32_t fragments = 1U << 12U;
    std::uint32_t reply_buffers = 1U << 13U;
    bool persist = true;  ///< connections outlive the process

    [[nodiscard]] std::uint32_t of_ipv6() const { return connections_ipv6.value_or(connections); }

    friend bool operator==(const Tables&, const Tables&) = default;
  } tables;

  struct State {
    Seconds save_every{60};  ///< distrust and keys outlive the process; 0: they do not

    friend bool operator==(const State&, const State&) = default;
  } state;

  struct Link {
    bool mirror = true;  ///< a port whose link is down takes the other's down

    friend bool operator==(const Link&, const Link&) = default;
  } link;

  /// How services are learned from who answers strangers.
  struct Learn {
    Seconds length{0};             ///< of the learning period; 0: nothing is learned
    std::vector<PortRange> ports;  ///< TCP; sorted, disjoint; never empty while learning
    double share = 0.25;           ///< of prefixes and destinations that are tried, 0..1
    unsigned prefixes = 3;         ///< that a destination must have answered, 1..8
    Seconds expire{30L * 86400};   ///< after it was last seen
  } learn;

  /// An administrative scan that is read again and again.
  struct Import {
    std::string file;            ///< absolute; nmap's XML
    Seconds every{3600};         ///< looks whether it has changed
    Seconds expire{2L * 86400};  ///< after the scan began
  };
  std::vector<Import> imports;

  /// Metrics and the live page.
  struct Http {
    std::optional<SocketAddress> listen;  ///< nothing: nobody listens
    std::vector<std::string> names;  ///< in lower case: what it may be called besides its addresses

    friend bool operator==(const Http&, const Http&) = default;
  } http;
};

/// "192.0.2.1:80", "[2001:db8::1]:80".
std::string to_string(const SocketAddress& at);
/// 127.0.0.0/8 and ::1.
bool is_loopback(const Address& address);

/// A policy that cannot be used. what() is one line for the operator: where (file and JSON
/// pointer), what was found, what was expected.
class PolicyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses, validates and completes a policy. `name` stands in messages as the file's name.
/// Throws PolicyError.
Policy parse_policy(std::string_view json, std::string_view name);

/// As parse_policy, from a file.
Policy load_policy(const std::filesystem::path& file);

/// What differs between two policies and cannot change in a running box: JSON pointers.
std::vector<std::string> needs_restart(const Policy& running, const Policy& wanted);

/// The TCP ports that Policy::Decoys::share is of.
std::bitset<65536> decoy_ports(const Policy& policy);
/// How many ports of an address look open with Surface::sparse, on average.
double expected_decoys(const Policy& policy);

/// The whole policy with every default filled in, as text for an operator: `mitibox --check`.
std::string describe(const Policy& policy);

/// What is allowed but rarely meant, a line each (e.g. an allowlist wider than /28, no services).
std::vector<std::string> warnings(const Policy& policy);

}  // namespace mitibox

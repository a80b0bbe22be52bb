// SPDX-License-Identifier: BSD-3-Clause
// Events behind the lcores: text, file, socket, log.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "../policy/fixtures.hpp"
#include "observe/event_log.hpp"
#include "observe/table_watch.hpp"

using namespace mitibox;
using nlohmann::ordered_json;
using std::chrono::seconds;

namespace {

/// A folder that goes with the test.
struct Folder {
  Folder() {
    char name[] = "/tmp/mitibox-events-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }
  std::filesystem::path path;
};

std::vector<ordered_json> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<ordered_json> all;
  for (std::string line; std::getline(in, line);) all.push_back(ordered_json::parse(line));
  return all;
}

/// Of whole lines.
std::vector<ordered_json> parsed(const std::string& text) {
  std::vector<ordered_json> all;
  std::istringstream in(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(in, line);) all.push_back(ordered_json::parse(line));
  return all;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

Policy::Events to_file(const std::string& path) {
  Policy::Events events;
  events.file = path;
  return events;
}

EventLog::Moment at(Time box) {
  return {box, WallTime(seconds(1'800'000'000)) + std::chrono::duration_cast<seconds>(box)};
}

std::string name() {
  static int number = 0;
  return "eventlog" + std::to_string(number++);
}

/// No file of this process grows beyond that.
struct FileLimit {
  explicit FileLimit(rlim_t bytes) : handled(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit now{bytes, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  ~FileLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handled);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  void (*handled)(int);
  rlimit before{};
};

/// A reader on a UNIX stream socket.
struct Reader {
  explicit Reader(const std::string& path) : listener(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener, 1) == 0);
  }
  ~Reader() {
    if (connection >= 0) close(connection);
    close(listener);
  }
  std::string read() {
    if (connection < 0) connection = accept(listener, nullptr, nullptr);
    std::string got(1U << 16U, '\0');
    const ssize_t n = recv(connection, got.data(), got.size(), MSG_DONTWAIT);
    got.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return got;
  }
  int listener;
  int connection = -1;
};

}  // namespace

TEST_CASE("events: names are unique, and the documentation knows each", "[observe]") {
  const std::string page = text_of((policy_fixtures::source_root() / "docs/events.md").string());
  std::set<std::string_view> names;
  for (const EventRow& row : kEvents) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(page.find("| `" + std::string(row.name) + "` |") != std::string::npos);
    CHECK(page.find(std::string(row.says)) != std::string::npos);
  }
}

TEST_CASE("events: text has the members that are meaningful, and no others", "[observe]") {
  Event e;
  e.type = EventType::drop;
  e.worker = 2;
  const WallTime when(std::chrono::microseconds(1'800'000'000'000'042));
  CHECK(to_json(e, when).size() == 3);
  e.has = Event::kAddresses;
  e.source = *parse_address("2001:db8::7");
  e.destination = *parse_address("203.0.113.10");
  e.protocol = protocol::kUdp;
  e.source_port = 53;
  e.destination_port = 4000;
  e.because(Reason::udp_port);
  e.suppressed = 9;
  const ordered_json j = to_json(e, when);
  CHECK(j["event_type"] == "drop");
  CHECK(j["src_ip"] == "2001:db8::7");
  CHECK(j["src_port"] == 53);
  CHECK(j["dest_ip"] == "203.0.113.10");
  CHECK(j["dest_port"] == 4000);
  CHECK(j["proto"] == "UDP");
  CHECK(j["reason"] == "udp-port");
  CHECK(j["suppressed"] == 9);
  CHECK(j["worker"] == 2);
  CHECK_FALSE(j.contains("level"));
  e.protocol = protocol::kIcmp;
  CHECK_FALSE(to_json(e, when).contains("dest_port"));
  e.protocol = 47;
  CHECK(to_json(e, when)["proto"] == "47");
  e.type = EventType::distrusted;
  e.has |= Event::kLevel | Event::kEvidence | Event::kProven;
  e.level = 1;
  e.before = 3;
  const ordered_json d = to_json(e, when);
  CHECK(d["level"] == 1);
  CHECK(d["level_before"] == 3);
  CHECK(d["proven"] == true);
}

TEST_CASE("events: time is ISO 8601 with the offset of the place", "[observe]") {
  const WallTime when(std::chrono::microseconds(1'800'000'000'000'042));
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  const auto in = [&](const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
    return to_iso(when);
  };
  CHECK(in("UTC") == "2027-01-15T08:00:00.000042+00:00");
  CHECK(in("XXX-5:30") == "2027-01-15T13:30:00.000042+05:30");
  CHECK(in("XXX3") == "2027-01-15T05:00:00.000042-03:00");
  kept.empty() ? unsetenv("TZ") : setenv("TZ", kept.c_str(), 1);
  tzset();
}

TEST_CASE("events: a line is one line, whatever a member holds", "[observe]") {
  const std::string line = to_line({{"why", "a\nb\xff\"c\x1b"}});
  CHECK(line.find('\n') == std::string::npos);
  CHECK(ordered_json::parse(line)["why"].get<std::string>().find("a\nb") == 0);
}

TEST_CASE("event sink: a renamed file is opened anew within a second", "[observe]") {
  const Folder folder;
  const std::string path = folder.file("events.json");
  EventSink sink(EventSink::Kind::file, path);
  REQUIRE(sink.put("1"));
  CHECK(sink.flush(Time(0)).empty());
  CHECK(text_of(path) == "1\n");
  struct stat s {};
  REQUIRE(stat(path.c_str(), &s) == 0);
  CHECK((s.st_mode & 0777U) == 0640);

  std::filesystem::rename(path, path + ".1");
  sink.put("2");
  sink.flush(EventSink::kCheck - Time(1));
  CHECK(text_of(path + ".1") == "1\n2\n");
  sink.put("3");
  CHECK(sink.flush(EventSink::kCheck).empty());
  CHECK(text_of(path + ".1") == "1\n2\n3\n");
  sink.put("4");
  sink.flush(EventSink::kCheck);
  CHECK(text_of(path) == "4\n");

  // Removed, and another one in its place.
  std::filesystem::remove(path);
  std::ofstream(path) << "theirs\n";
  sink.put("5");
  sink.flush(3 * EventSink::kCheck);
  sink.put("6");
  sink.flush(3 * EventSink::kCheck);
  CHECK(text_of(path) == "theirs\n6\n");
}

TEST_CASE("event sink: what cannot be opened is said once, and when it works again", "[observe]") {
  const Folder folder;
  const std::string path = folder.file("sub/events.json");
  EventSink sink(EventSink::Kind::file, path);
  sink.put("1");
  const std::string said = sink.flush(Time(0));
  CHECK(said.find(path) != std::string::npos);
  CHECK(said.find("No such file") != std::string::npos);
  CHECK(sink.flush(EventSink::kCheck).empty());
  std::filesystem::create_directory(folder.path / "sub");
  CHECK(sink.flush(2 * EventSink::kCheck).find("again") != std::string::npos);
  CHECK(text_of(path) == "1\n");

  // A link is not followed.
  std::filesystem::create_symlink(path, folder.path / "link");
  EventSink link(EventSink::Kind::file, folder.file("link"));
  link.put("x");
  CHECK_FALSE(link.flush(Time(0)).empty());
  CHECK(text_of(path) == "1\n");
}

TEST_CASE("event sink: a full disk loses nothing that fits, tears no line, and says so once",
          "[observe]") {
  const Folder folder;
  const std::string path = folder.file("events.json");
  EventSink sink(EventSink::Kind::file, path);
  const std::string line(1000, 'x');
  std::size_t taken = 0;
  while (sink.put(line)) ++taken;
  CHECK(taken == EventSink::kPending / 1001);
  const std::size_t room = 2500;  // which ends within a line
  {
    const FileLimit full(room);
    CHECK(sink.flush(Time(0)).empty());
    CHECK(std::filesystem::file_size(path) == room);
    CHECK(sink.flush(Time(1)).find("File too large") != std::string::npos);
    CHECK(sink.flush(Time(2)).empty());
    while (sink.put(line)) ++taken;
    CHECK_FALSE(sink.put(line));
  }
  CHECK(sink.flush(Time(3)).find("again") != std::string::npos);
  while (!sink.empty()) sink.flush(Time(4));
  CHECK(sink.torn() == 0);
  CHECK(sink.lost() == 0);
  std::ifstream in(path);
  std::size_t whole = 0;
  for (std::string got; std::getline(in, got);) whole += got == line ? 1 : 0;
  CHECK(whole == taken);
  CHECK(std::filesystem::file_size(path) == taken * 1001);
}

TEST_CASE("event sink: a file that nobody rotates does not fill the disk", "[observe]") {
  const Folder folder;
  const std::string path = folder.file("events.json");
  EventSink sink(EventSink::Kind::file, path, 10);
  const auto write = [&](const char* line, Time now) {
    sink.put(line);
    return sink.flush(now);
  };
  CHECK(write("12345678", Time(0)).empty());
  CHECK(write("more", Time(0)).empty());  // whole lines, though it be a little more
  const std::string said = write("waits", Time(0));
  CHECK(said.find(path) != std::string::npos);
  CHECK(said.find("File too large, rename it") != std::string::npos);
  CHECK(write("waits too", Time(1)).empty());
  CHECK(text_of(path) == "12345678\nmore\n");
  std::filesystem::rename(path, path + ".1");
  CHECK(sink.flush(EventSink::kCheck).find("again") != std::string::npos);
  CHECK(text_of(path) == "waits\nwaits too\n");
  CHECK(text_of(path + ".1") == "12345678\nmore\n");
  // One that was there before, too.
  EventSink next(EventSink::Kind::file, path, 10);
  next.put("x");
  CHECK(next.flush(Time(0)).find("File too large") != std::string::npos);
  CHECK(sink.lost() + next.lost() == 0);
}

TEST_CASE("event sink: a device that is full says so", "[observe]") {
  EventSink sink(EventSink::Kind::file, "/dev/full");
  sink.put("1");
  CHECK(sink.flush(Time(0)).find("No space left") != std::string::npos);
  CHECK(sink.flush(Time(1)).empty());
  CHECK_FALSE(sink.empty());
}

TEST_CASE("event sink: a socket whose reader is slow, goes away, and comes back", "[observe]") {
  const Folder folder;
  const std::string path = folder.file("socket");
  EventSink sink(EventSink::Kind::socket, path);
  sink.put("0");
  CHECK(sink.flush(Time(0)).find(path) != std::string::npos);
  const std::string line(999, 'x');
  std::string got;
  {
    Reader reader(path);
    CHECK(sink.flush(EventSink::kCheck).find("again") != std::string::npos);
    got = reader.read();
    CHECK(got == "0\n");
    // More than the socket holds waits here, and in the end is refused; nobody waits for it.
    while (sink.put(line)) CHECK(sink.flush(EventSink::kCheck).empty());
    CHECK_FALSE(sink.empty());
  }
  std::filesystem::remove(path);
  CHECK_FALSE(sink.flush(EventSink::kCheck).empty());
  Reader next(path);
  sink.flush(2 * EventSink::kCheck);
  got = next.read();
  REQUIRE(got.size() > 1000);
  CHECK(got.substr(0, 1000) == line + '\n');  // begins with a whole line
  CHECK(sink.torn() <= 1);
}

TEST_CASE("event log: events of all lcores in order, with those of the control plane",
          "[observe]") {
  const Folder folder;
  const std::string path = folder.file("events.json");
  const Policy::Events policy = to_file(path);
  Recorder a(name(), Recorder::Config::of(policy, 0));
  Recorder b(name(), Recorder::Config::of(policy, 1));
  EventLog log(policy, {&a, &b});
  log.post(EventType::started, {{"version", "1"}});
  log.post(EventType::accepted);  // not selected
  const auto note = [](Recorder& r, seconds when) {
    r.note(EventType::host_mute, Now(when), [](Event&) {});
  };
  note(a, seconds(10));
  note(a, seconds(30));
  note(b, seconds(20));
  CHECK(log.pump(at(seconds(31))).empty());
  const auto lines = lines_of(path);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["worker"] == 0);
  CHECK(lines[1]["worker"] == 1);
  CHECK(lines[2]["worker"] == 0);
  CHECK(lines[0]["timestamp"] < lines[1]["timestamp"]);
  CHECK(lines[1]["timestamp"] < lines[2]["timestamp"]);
  CHECK(lines[3]["event_type"] == "started");
  CHECK(lines[3]["version"] == "1");
  CHECK(log.counters().written == 4);
  CHECK(log.counters().lost == 0);
  for (const auto& l : lines)
    CHECK(std::regex_match(l["timestamp"].get<std::string>(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d)")));
}

TEST_CASE("event log: losses are counted and told when there is room again", "[observe]") {
  const Folder folder;
  const std::string path = folder.file("none/events.json");
  const Policy::Events policy = to_file(path);
  Recorder recorder(name(), {kDefaultEvents, 1'000'000, 0});
  EventLog log(policy, {&recorder});
  Time box = seconds(1);
  const auto fill = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      recorder.note(EventType::host_mute, Now(box), [](Event&) {});
  };
  fill(Recorder::kRing + 100);  // the ring loses a hundred
  std::size_t remarks = 0;
  for (int i = 0; i < 30; ++i) {
    remarks += log.pump(at(box)).size();
    fill(1024);
    box += seconds(1);
  }
  CHECK(remarks == 1);
  CHECK(log.counters().lost > 0);
  std::filesystem::create_directory(folder.path / "none");
  box += seconds(1);
  for (int i = 0; i < 8; ++i) {
    box += seconds(1);
    remarks += log.pump(at(box)).size();
  }
  CHECK(remarks == 2);
  const auto lines = lines_of(path);
  std::uint64_t lost = 0;
  std::uint64_t events = 0;
  for (const auto& l : lines) {
    if (l["event_type"] == "lost")
      lost += l["count"].get<std::uint64_t>();
    else
      ++events;
  }
  CHECK(lost == log.counters().lost + recorder.counters().lost.get());
  CHECK(events + lost == Recorder::kRing + 100 + 30 * 1024);
  CHECK(events == log.counters().written);
}

TEST_CASE("event log: each of two is told of its own losses", "[observe]") {
  const Folder folder;
  Policy::Events policy = to_file(folder.file("events.json"));
  policy.socket = folder.file("socket");
  Recorder recorder(name(), {kDefaultEvents, 1'000'000, 0});
  EventLog log(policy, {&recorder});
  Time box = seconds(1);
  const auto fill = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      recorder.note(EventType::host_mute, Now(box), [](Event&) {});
  };
  const auto pump = [&] {
    box += seconds(2);
    log.pump(at(box));
  };
  fill(Recorder::kRing + 100);                      // the ring loses a hundred, and both with it
  for (int i = 0; i < 30; ++i, fill(1024)) pump();  // nobody reads: the socket loses more
  for (int i = 0; i < 8; ++i) pump();
  const auto lost_in = [](const std::vector<ordered_json>& lines) {
    std::uint64_t lost = 0;
    for (const auto& l : lines)
      if (l["event_type"] == "lost") lost += l["count"].get<std::uint64_t>();
    return lost;
  };
  CHECK(lost_in(lines_of(folder.file("events.json"))) == recorder.counters().lost.get());
  CHECK(recorder.counters().lost.get() == 100);
  Reader reader(folder.file("socket"));
  std::string text;
  for (int i = 0; i < 1000 && lost_in(parsed(text)) < 100 + log.counters().lost; ++i) {
    pump();
    text += reader.read();
  }
  CHECK(lost_in(parsed(text)) == 100 + log.counters().lost);
}

TEST_CASE("event log: nowhere, then a file, then another", "[observe]") {
  const Folder folder;
  Recorder recorder(name(), {kDefaultEvents, 100, 0});
  EventLog log(Policy::Events{}, {&recorder});
  log.post(EventType::started);
  CHECK(log.pump(at(seconds(1))).empty());
  CHECK(log.counters().written + log.counters().lost == 0);
  for (const char* file : {"a", "b"}) {
    log.configure(to_file(folder.file(file)));
    log.pump(at(seconds(2)));
    log.post(EventType::policy_reloaded);
    log.pump(at(seconds(3)));
    CHECK(lines_of(folder.file(file)).size() == 1);
  }
  CHECK(lines_of(folder.file("a")).size() == 1);
}

TEST_CASE("event log: what waits for a place that is given up is lost, and told at the next",
          "[observe]") {
  const Folder folder;
  Recorder recorder(name(), {kDefaultEvents, 100, 0});
  EventLog log(to_file(folder.file("none/a")), {&recorder});
  for (int i = 0; i < 3; ++i) log.post(EventType::policy_reloaded);
  log.pump(at(seconds(1)));
  CHECK(log.counters().written == 3);
  CHECK(log.counters().lost == 0);
  log.configure(to_file(folder.file("b")));
  log.pump(at(seconds(2)));
  CHECK(log.counters().written == 0);
  CHECK(log.counters().lost == 3);
  log.post(EventType::policy_reloaded);
  log.pump(at(seconds(3)));
  const auto lines = lines_of(folder.file("b"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["event_type"] == "lost");
  CHECK(lines[1]["count"] == 3);
}

TEST_CASE("event log: what waits at the end is lost", "[observe]") {
  const Folder folder;
  Recorder recorder(name(), {kDefaultEvents, 100, 0});
  EventLog log(to_file(folder.file("none/a")), {&recorder});
  log.start([] { return at(seconds(1)); }, [] {});
  log.post(EventType::stopped);
  log.stop();
  CHECK(log.counters().written == 0);
  CHECK(log.counters().lost == 1);
}

TEST_CASE("table watch: says it once a minute, and how much", "[observe]") {
  TableWatch watch;
  Snapshot s;
  s.groups = {{"trust", {{"source_evictions", 0}}}};
  std::vector<std::pair<std::string, std::uint64_t>> told;
  const auto check = [&](std::uint64_t value, seconds when) {
    s.groups[0].entries[0].value = value;
    watch.check(s, when, [&](std::string_view table, std::uint64_t count) {
      told.emplace_back(table, count);
    });
  };
  check(0, seconds(0));
  CHECK(told.empty());
  check(3, seconds(1));
  check(9, seconds(2));
  check(9, seconds(60));
  REQUIRE(told.size() == 1);
  CHECK(told[0] == std::pair<std::string, std::uint64_t>("sources", 3));
  check(9, seconds(61));
  REQUIRE(told.size() == 2);
  CHECK(told[1].second == 6);
  check(9, seconds(1000));
  CHECK(told.size() == 2);
}

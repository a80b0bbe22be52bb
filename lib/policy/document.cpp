// SPDX-License-Identifier: BSD-3-Clause
#include "policy/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "policy/policy.hpp"
#include "policy/text.hpp"
#include "policy/value.hpp"

namespace mitibox {

namespace {

using nlohmann::json;
using policy_text::printable;

/// "line:column", both from 1, of the byte at `offset`; columns count bytes.
std::string position(std::string_view bytes, std::size_t offset) {
  const std::string_view before = bytes.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}", line, before.size() - start + 1);
}

/// Builds the document from the parser's events.
class Builder {
 public:
  Builder(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  json take() { return std::move(root_); }

  bool null() { return place(nullptr); }
  bool boolean(bool v) { return place(v); }
  bool number_integer(std::int64_t v) { return place(v); }
  bool number_unsigned(std::uint64_t v) { return place(v); }
  bool number_float(double v, const std::string&) { return place(v); }
  bool string(std::string& v) { return place(std::move(v)); }
  bool binary(json::binary_t&) { return false; }  // not in JSON text
  bool start_object(std::size_t) { return open(json::object()); }
  bool start_array(std::size_t) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& k) {
    if (open_.back().value->contains(k)) {
      refuse(pointer() + pointer_token(k), "the key a second time", "each key once");
    }
    open_.back().key = std::move(k);
    return true;
  }

  /// Offset: bytes read so far, the offending one included.
  bool parse_error(std::size_t offset, const std::string&, const json::exception& error) {
    std::string_view why = error.what();
    if (const auto at = why.find(", column "); at != why.npos) {
      if (const auto colon = why.find(": ", at); colon != why.npos) why.remove_prefix(colon + 2);
    } else if (const auto end = why.find("] "); end != why.npos) {
      why.remove_prefix(end + 2);
    }
    const std::size_t at = std::min(offset == 0 ? 0 : offset - 1, bytes_.size());
    throw PolicyError(fmt::format("{}:{}: found what is not JSON, expected a policy: {}",
                                  printable(name_, kMaxName), position(bytes_, at),
                                  printable(why, 200)));
  }

 private:
  struct Open {
    json* value;
    std::string key;  // of the member being read, in an object
  };

  json* insert(json&& v) {
    if (open_.empty()) return &(root_ = std::move(v));
    Open& parent = open_.back();
    if (parent.value->is_array()) {
      parent.value->push_back(std::move(v));
      return &parent.value->back();
    }
    return &((*parent.value)[parent.key] = std::move(v));
  }
  bool place(json&& v) {
    insert(std::move(v));
    return true;
  }
  bool open(json&& v) {
    json* at = insert(std::move(v));
    open_.push_back({at, {}});
    if (open_.size() > kMaxPolicyDepth) {
      refuse(pointer(), "a value nested too deeply",
             fmt::format("at most {} levels", kMaxPolicyDepth));
    }
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  /// Of the innermost value that is open.
  [[nodiscard]] std::string pointer() const {
    std::string out;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      const Open& o = open_[i];
      out += o.value->is_array() ? fmt::format("/{}", o.value->size() - 1) : pointer_token(o.key);
    }
    return out;
  }
  [[noreturn]] void refuse(const std::string& where, std::string_view found,
                           std::string_view expected) const {
    throw_policy_error({name_, where}, found, expected);
  }

  std::string_view bytes_;
  std::string_view name_;
  json root_;
  std::vector<Open> open_;  // pointers stay valid: only the innermost value grows
};

}  // namespace

json read_document(std::string_view bytes, std::string_view name) {
  if (bytes.size() > kMaxPolicyBytes)
    throw_policy_error({name, ""}, "a file of more than 4 MiB", "a policy of at most 4 MiB");
  if (bytes.find_first_not_of(" \t\r\n") == bytes.npos)
    throw_policy_error({name, ""}, "an empty file", "a JSON object with at least \"protected\"");
  if (const auto zero = bytes.find('\0'); zero != bytes.npos)
    throw PolicyError(fmt::format("{}:{}: found a zero byte, expected JSON text",
                                  printable(name, kMaxName), position(bytes, zero)));
  Builder builder(bytes, name);
  json::sax_parse(bytes.begin(), bytes.end(), &builder);
  return builder.take();
}

}  // namespace mitibox

// SPDX-License-Identifier: BSD-3-Clause
/// docs/policy.schema.json and the parser say the same.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "fixtures.hpp"
#include "policy/policy.hpp"
#include "policy/sections.hpp"

using namespace mitibox;
using nlohmann::json;

namespace {

const json& resolve(const json& root, const json& node) {
  if (!node.contains("$ref")) return node;
  return root.at(json::json_pointer(node["$ref"].get<std::string>().substr(1)));
}

void collect(const json& root, const json& at, const std::string& pointer,
             std::set<std::string>& keys) {
  const json& node = resolve(root, at);
  if (node.contains("properties")) {
    INFO(pointer);
    CHECK(node.value("additionalProperties", true) == false);
    for (const auto& [key, below] : node["properties"].items()) {
      keys.insert(pointer + "/" + key);
      collect(root, below, pointer + "/" + key, keys);
    }
  }
  if (node.contains("items")) collect(root, node["items"], pointer + "/*", keys);
}

/// A document that states each default the schema names, lists included.
json stated_defaults(const json& node) {
  json out = json::object();
  for (const auto& [key, below] : node.at("properties").items()) {
    if (below.contains("default"))
      out[key] = below["default"];
    else if (below.contains("properties"))
      out[key] = stated_defaults(below);
  }
  return out;
}

}  // namespace

TEST_CASE("the schema and the parser know the same keys", "[policy]") {
  const json schema = policy_fixtures::read("docs/policy.schema.json");
  std::set<std::string> of_schema;
  collect(schema, schema, "", of_schema);
  const auto list = policy_keys();
  const std::set<std::string> of_parser(list.begin(), list.end());
  REQUIRE(of_schema.size() > 40);
  std::vector<std::string> only_schema;
  std::vector<std::string> only_parser;
  std::set_difference(of_schema.begin(), of_schema.end(), of_parser.begin(), of_parser.end(),
                      std::back_inserter(only_schema));
  std::set_difference(of_parser.begin(), of_parser.end(), of_schema.begin(), of_schema.end(),
                      std::back_inserter(only_parser));
  CHECK(only_schema == std::vector<std::string>{});
  CHECK(only_parser == std::vector<std::string>{});
}

TEST_CASE("the schema's defaults are the parser's", "[policy]") {
  json document = stated_defaults(policy_fixtures::read("docs/policy.schema.json"));
  REQUIRE(document.at("tables").size() == 7);
  document["protected"] = {"203.0.113.0/24"};
  const Policy minimal = parse_policy(R"({"protected":["203.0.113.0/24"]})", "minimal");
  REQUIRE(describe(parse_policy(document.dump(), "defaults")) == describe(minimal));
}

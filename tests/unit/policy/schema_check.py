#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds docs/policy.schema.json against the policies that the parser's tests use, and
docs/configuration.md against the schema. Without arguments; exits 1 when they differ."""

import json
import pathlib
import re
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs"
FIXTURES = HERE / "fixtures"
# Whether the schema accepts a table's policies; a schema cannot see contradictions.
TABLES = {"good": True, "bad": False, "contradictions": True}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def keys(schema, node, pointer=""):
    """JSON pointers of all keys, "*" for the elements of a list."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    for key, below in node.get("properties", {}).items():
        yield f"{pointer}/{key}"
        yield from keys(schema, below, f"{pointer}/{key}")
    if "items" in node:
        yield from keys(schema, node["items"], f"{pointer}/*")


def main():
    failures = []
    schema = read(DOCS / "policy.schema.json")
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)

    def expect(name, policy, accepted):
        error = jsonschema.exceptions.best_match(validator.iter_errors(policy))
        if accepted and error is not None:
            failures.append(f"{name}: the schema refuses it: {error.message}")
        if not accepted and error is None:
            failures.append(f"{name}: the schema accepts it")

    examples = sorted((DOCS / "examples").glob("*.json"))
    if not examples:
        failures.append("docs/examples: no examples")
    for path in examples:
        expect(f"docs/examples/{path.name}", read(path), True)
    tables = {path.stem for path in FIXTURES.glob("*.json")}
    if tables != set(TABLES):
        failures.append(f"fixtures: found {sorted(tables)}, expected {sorted(TABLES)}")
    for table, accepted in TABLES.items():
        for case in read(FIXTURES / f"{table}.json"):
            expect(f"{table}: {case['name']}", case["policy"], accepted)

    full = read(DOCS / "examples" / "full.json")
    manual = (DOCS / "configuration.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)` \|", manual, re.MULTILINE))
    known = set()
    for pointer in keys(schema, schema):
        known.add(pointer[1:].replace("/*/", "[].").replace("/", "."))
        values = [full]
        for key in pointer[1:].split("/"):
            if key == "*":
                values = [v for one in values for v in one]
            else:
                values = [one[key] for one in values if key in one]
        if not values:
            failures.append(f"docs/examples/full.json: lacks {pointer}")
    # A section is a heading, its keys are rows of a table.
    headings = set(re.findall(r"^## `([^`]+)`", manual, re.MULTILINE))
    for key in sorted(known - named - headings):
        failures.append(f"docs/configuration.md: lacks {key}")
    for key in sorted((named | headings) - known):
        failures.append(f"docs/configuration.md: names {key}, which the schema lacks")
    for block in re.findall(r"```json\n(.*?)```", manual, re.DOTALL):
        expect("docs/configuration.md: example", json.loads(block), True)

    for failure in failures:
        print(failure)
    print(f"{len(failures)} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

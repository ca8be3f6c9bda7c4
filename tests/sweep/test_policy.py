"""Policy files: what they mean, what is refused and on which line, and their schema."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kvsops.core.channel import TagFilter
from kvsops.core.policies import Policy, sweep_rules
from kvsops.core.reach import Site
from kvsops.errors import UsageError
from kvsops.sweep import policy
from kvsops.sweep import schema as made

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EXAMPLE = """
max-deletes = "10%"
protect-tag = ["team:keep"]

[policies.ci]
prefix = "ci-"
older-than = "2h"

[policies.meetings]
prefix = "meeting-"
idle-for = "7d"
grace = "24h"
protect-tag = "on-air"
"""


def load(tmp_path: Path, text: str) -> policy.Policies:
    """Write the text to a file, and load it."""
    path = tmp_path / "kvsops.toml"
    path.write_text(text)
    return policy.load(path)


def given(policy: Policy) -> dict[str, Any]:
    """Return what a policy was given, less what is at its default."""
    absent = sweep_rules({}).given
    return {name: value for name, value in policy.given.items() if value != absent[name]}


def test_load(tmp_path: Path) -> None:
    """Policies come in the file's order; what any protects, all protect."""
    loaded = load(tmp_path, EXAMPLE)
    ci, meetings = loaded.rules.policies
    protected = {"protect-tag": ("team:keep", "on-air"), "yes": True}
    assert (ci.name, ci.grace) == ("ci", None)
    assert given(ci) == {"prefix": "ci-", "older-than": 2 * HOUR, **protected}
    assert (meetings.name, meetings.grace) == ("meetings", DAY)
    assert given(meetings) == {"prefix": "meeting-", "idle-for": 7 * DAY, **protected}
    assert loaded.protect_tags == ("team:keep", "on-air")
    assert loaded.fuse is not None
    assert [loaded.fuse.most(listed) for listed in (0, 9, 10, 99)] == [0, 0, 1, 9]


def test_every_kind_of_value(tmp_path: Path) -> None:
    """Each option can be written: texts, lists of them, flags, a fuse that is a number."""
    loaded = load(
        tmp_path,
        """
        max-deletes = 5
        [policies."a_b-1"]
        older-than = "1d12h"
        any-channel = true
        match = "x-*"
        tag = ["env=ci", "team"]
        without-tag = "prod"
        never-used = true
        expired = true
        orphaned = true
        owner-tag = "owner"
        unlink-storage = true
        even-if-active = true
        trust-silence = true
        """,
    )
    assert given(loaded.rules.policies[0]) == {
        "any-channel": True,
        "even-if-active": True,
        "expired": True,
        "match": "x-*",
        "never-used": True,
        "older-than": 36 * HOUR,
        "orphaned": True,
        "owner-tag": "owner",
        "tag": (TagFilter("env", "ci"), TagFilter("team", None)),
        "trust-silence": True,
        "unlink-storage": True,
        "without-tag": (TagFilter("prod", None),),
        "yes": True,
    }
    assert loaded.fuse is not None
    assert (loaded.fuse.most(3), loaded.protect_tags) == (5, ())


def test_a_waiver_holds_only_where_all_waive(tmp_path: Path) -> None:
    """What one policy protects, all protect: a channel in use, or linked to storage."""
    one = "[policies.a]\nexpired = true\neven-if-active = true\nunlink-storage = true\n"
    both = load(tmp_path, one + "[policies.b]\nexpired = true\nunlink-storage = true\n")
    waived = [
        (each.given["even-if-active"], each.given["unlink-storage"]) for each in both.rules.policies
    ]
    assert waived == [(False, True), (False, True)]
    alone = load(tmp_path, one).rules
    assert (alone.given["even-if-active"], alone.given["unlink-storage"]) == (True, True)


def test_where_policies_hold(tmp_path: Path) -> None:
    """Those that hold in a place judge there; what others protect is protected there, too."""
    text = """
        [policies.own]
        expired = true
        accounts = ["123456789012"]

        [policies.east]
        expired = true
        regions = "us-east-1"
        protect-tag = "team:keep"
        unlink-storage = true

        [policies.unit]
        expired = true
        organizational-units = ["ou-ab12-0123abcd"]
    """
    rules = load(tmp_path, text).rules

    def held(account: str, region: str, *units: str) -> list[str]:
        here = rules.at(Site(account, region, units))
        assert {p.given["protect-tag"] for p in here.policies} <= {("team:keep",)}
        assert not any(p.given["unlink-storage"] for p in here.policies)
        return [policy.name for policy in here.policies]

    assert held("123456789012", "us-east-1") == ["own", "east"]
    assert held("123456789012", "eu-west-1", "ou-ab12-0123abcd") == ["own", "unit"]
    assert held("200000000002", "us-east-1", "ou-zz99-99999999") == ["east"]
    assert held("200000000002", "eu-west-1") == []
    assert rules.ask_account


ALONE = (
    "age alone says nothing of use: add --prefix, --match, --tag or --without-tag, "
    "or --any-channel if every channel older than that is meant"
)
DURATION = "write a number and its unit, like 90s, 30m, 2h or 7d"
OK = '[policies.a]\nprefix = "a"\nolder-than = "2h"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: policies: no policy: write a table like [policies.ci]"),
        ("policies = {}", ":1: policies: no policy: write a table like [policies.ci]"),
        ("policies = 3", ":1: policies: no policy: write a table like [policies.ci]"),
        (
            "protect-tag = []\nmax-delete = 5\n" + OK,
            ":2: max-delete: unknown: did you mean max-deletes?",
        ),
        ("\n[policy.ci]\nexpired = true", ":2: policy: unknown: did you mean policies?"),
        (
            OK + 'older_than = "3h"',
            ":4: [policies.a] older_than: unknown: did you mean older-than?",
        ),
        (OK + 'status = "ACTIVE"', ":4: [policies.a] status: unknown"),
        (OK + "yes = true", ":4: [policies.a] yes: unknown"),
        (OK + 'any-channel = "yes"', ":4: [policies.a] any-channel: 'yes': write true or false"),
        (
            '[policies.a]\n\n# why\nolder-than = "2"',
            f":4: [policies.a] older-than: not a duration: '2': {DURATION}",
        ),
        ("[policies.a]\nolder-than = 2", ":2: [policies.a] older-than: 2: write a text in quotes"),
        ('[policies.a]\nolder-than = "0h"', ":2: [policies.a] older-than: not a duration: '0h'"),
        (OK + "grace = 24", f":4: [policies.a] grace: not a duration: '24': {DURATION}"),
        (OK + 'grace = "-1h"', ":4: [policies.a] grace: not a duration: '-1h'"),
        ('[policies.a]\nexpired = "true"', ":2: [policies.a] expired: 'true': write true or false"),
        (
            "[policies.a]\nexpired = true\ntag = [1]",
            ":3: [policies.a] tag: [1]: write a text in quotes",
        ),
        (
            '[policies.a]\nexpired = true\nprefix = "a b"',
            ":3: [policies.a] prefix: not a channel name: 'a b'",
        ),
        (
            '[policies.a]\nexpired = true\nprefix = ["a"]',
            ":3: [policies.a] prefix: ['a']: write a text",
        ),
        ('max-deletes = "x"\n' + OK, ":1: max-deletes: not a fuse: 'x'"),
        ("max-deletes = true\n" + OK, ":1: max-deletes: not a fuse: 'True'"),
        ("max-deletes = 0\n" + OK, ":1: max-deletes: not a fuse: '0'"),
        ('protect-tag = ["a", ""]\n' + OK, ":1: protect-tag: not a tag key: ''"),
        ('[policies."a b"]\nexpired = true', ": a policy is a table, its name of a-z A-Z 0-9 _ -"),
        ("[policies]\na = 1", ": a policy is a table, its name of a-z A-Z 0-9 _ -"),
        (
            OK + "accounts = [123456789012]",
            ':4: [policies.a] accounts: 123456789012: write it like ["123456789012"]',
        ),
        (OK + 'accounts = "12345"', ":4: [policies.a] accounts: '12345': write it like"),
        (
            OK + "regions = []",
            ':4: [policies.a] regions: an empty list: write it like ["us-east-1"]',
        ),
        (OK + 'regions = ["us-east-1", "x"]', ":4: [policies.a] regions: 'x': write it like"),
        (
            OK + 'regions = "eu-wset-1"',
            ":4: [policies.a] regions: Kinesis Video Streams is not known",
        ),
        (
            OK + 'organizational-units = "prod"',
            ":4: [policies.a] organizational-units: 'prod': write it like",
        ),
        (OK + 'region = "us-east-1"', ":4: [policies.a] region: unknown: did you mean regions?"),
        # A policy that condemns everything, or nothing at all.
        ('[policies.a]\nolder-than = "2h"', f":1: [policies.a]: {ALONE}"),
        (OK + '\n[policies.b]\nolder-than = "2h"\nmatch = "*"', f":5: [policies.b]: {ALONE}"),
        ('[policies.a]\nprefix = "ci-"', ":1: [policies.a]: no condition: give at least one of"),
        ("[policies.a]", ":1: [policies.a]: no condition"),
        ('\npolicies.a.prefix = "a"\npolicies.a.older-than = "2"', ":3: [policies.a] older-than: "),
        ('[policies]\na = { prefix = "a" }\nb = { expired = 2 }', ":2: [policies.a]: no condition"),
        ("[policies]\na = { expired = true }\nb = { expired = 2 }", ":3: [policies.b] expired: 2"),
        ("[policies.a]\nexpired = false", ":1: [policies.a]: no condition"),
        ("[policies.a]\nnever-used = true", ":1: [policies.a]: --never-used needs --older-than"),
        ('[policies.a]\nidle-for = "1h"', ":1: [policies.a]: --idle-for 1h is too short"),
        ('[policies.a]\nidle-for = "500d"', ":1: [policies.a]: --idle-for 500d is too long"),
        ("[policies.a]\norphaned = true", ":1: [policies.a]: --orphaned --yes needs --older-than"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    """A policy file that is wrong is refused with the line, the key and what to write."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    told = str(caught.value)
    assert told.startswith(str(tmp_path / "kvsops.toml"))
    assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OK + 'prefix = "b"', "(at line 4, column 13)"),
        (OK + "\n[policies.a]\nexpired = true", "(at line 5, column 12)"),
        ("[policies.a\n", "(at line 1, column 12)"),
        ("{", "(at line 1, column 1)"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, text: str, said: str) -> None:
    """A duplicate, or what is no TOML at all, is refused with its line."""
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/kvsops.toml is not TOML: ")
    assert said in str(caught.value)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, is a directory, or is not text."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, why in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "it is not text"),
    ):
        with pytest.raises(UsageError) as caught:
            policy.load(path)
        assert str(caught.value) == f"the policy file {path} cannot be read: {why}"


def schema() -> dict[str, Any]:
    """Read the schema as it is shipped."""
    path = Path(policy.__file__).with_name(made.SCHEMA_FILE)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_schema_shipped_is_current() -> None:
    """The file in the package is what `kvsops policy schema` prints."""
    assert schema() == made.schema()


def test_the_schema_is_one() -> None:
    """It is JSON Schema, and each option of a sweep's rules is in it with its help."""
    jsonschema.Draft7Validator.check_schema(schema())
    (table,) = schema()["properties"]["policies"]["patternProperties"].values()
    assert table["properties"].keys() == {
        *policy.options(),
        *policy.REACH,
        "grace",
        "any-channel",
    }
    assert all(each["description"].endswith(".") for each in table["properties"].values())


def test_the_schema_has_the_form_of_schemastore() -> None:
    """Of the draft that editors know, with its own address; each part says what it is and for."""
    found = schema()
    assert found["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert found["$id"] == "https://json.schemastore.org/kvsops.json"
    named = found["properties"]["policies"]
    (table,) = named["patternProperties"].values()
    tables = [found, named, table]
    assert [each["additionalProperties"] for each in tables] == [False] * 3
    parts = [*tables, *found["properties"].values(), *table["properties"].values()]
    assert [each for each in parts if not each["description"]] == []
    # Ajv's strict mode, which SchemaStore checks by, wants no list of types.
    assert [each for each in parts if not isinstance(each.get("type", ""), str)] == []


def test_the_catalog_entry_is_of_this_schema() -> None:
    """What is to be handed in to SchemaStore names the schema's address and the file's name."""
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "editors.md").read_text(
        encoding="utf-8"
    )
    (block,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    entry = json.loads(block)
    assert entry.keys() == {"name", "description", "fileMatch", "url"}
    assert (entry["url"], entry["fileMatch"]) == (schema()["$id"], [policy.FILE_NAME])
    assert entry["description"] == schema()["description"]


READ = {"ci": {"prefix": "ci-", "older-than": "2h"}}


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ({"policies": READ}, True),
        ({"max-deletes": 5, "protect-tag": "a", "policies": READ}, True),
        (
            {
                "max-deletes": "10%",
                "protect-tag": ["team:keep"],
                "policies": READ | {"m": {"idle-for": "7d", "grace": "24h", "tag": ["a", "b=c"]}},
            },
            True,
        ),
        ({"policies": {"ci": READ["ci"] | {"accounts": "123456789012"}}}, True),
        (
            {
                "policies": {
                    "ci": READ["ci"]
                    | {
                        "accounts": ["123456789012"],
                        "organizational-units": ["ou-ab12-0123abcd", "r-ab12"],
                        "regions": ["us-east-1"],
                    }
                }
            },
            True,
        ),
        ({"policies": {"ci": READ["ci"] | {"accounts": [123456789012]}}}, False),
        ({"policies": {"ci": READ["ci"] | {"regions": []}}}, False),
        ({}, False),
        ({"policies": {}}, False),
        ({"policy": READ}, False),
        ({"policies": READ, "max_deletes": 5}, False),
        ({"policies": {"a b": {"expired": True}}}, False),
        ({"policies": {"ci": {"older_than": "2h"}}}, False),
        ({"policies": {"ci": {"older-than": 2}}}, False),
        ({"policies": {"ci": {"expired": "yes"}}}, False),
        ({"policies": {"ci": {"tag": [1]}}}, False),
    ],
)
def test_what_the_schema_accepts(file: dict[str, Any], *, fits: bool) -> None:
    """It takes what can be loaded, and refuses typos and wrong kinds."""
    assert jsonschema.Draft7Validator(schema()).is_valid(file) is fits


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """What some editors put before a file is no part of it."""
    assert load(tmp_path, f"\ufeff{EXAMPLE}") == load(tmp_path, EXAMPLE)

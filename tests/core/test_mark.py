"""Marks: how they are written as a tag's value, and which are read back."""

from datetime import UTC, datetime

import pytest

from kvsops.core.mark import DOOMED_TAG, Mark, digest

MARK = Mark(datetime(2026, 11, 22, 10, tzinfo=UTC), "ci-1.a_b", "0a1b", "2c3d")
VALUE = "2026-11-22T10:00:00Z policy=ci-1.a_b rules=0a1b arn=2c3d"


@pytest.mark.parametrize(
    ("why", "written"),
    [
        ("2d old", " 2d old"),
        ("", ""),
        ("größe.: /=+@-_9", " größe.: /=+@-_9"),
        ("its name, (\x1b[31m) 'x'; \n*", " its name- ---31m- -x-- --"),
        ("x" * 300, " " + "x" * (256 - len(VALUE) - 1)),
        ("x" * (256 - len(VALUE) - 2) + " y", " " + "x" * (256 - len(VALUE) - 2)),
    ],
)
def test_value(why: str, written: str) -> None:
    """The reason follows, in characters that a tag can hold and as far as there is room."""
    value = MARK.value(why)
    assert value == VALUE + written
    assert Mark.read({DOOMED_TAG: value, "env": "ci"}) == MARK


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yes",
        VALUE.replace("2026-11-22T10:00:00Z", "soon"),
        VALUE.replace("Z", ""),
        VALUE.replace("policy=ci-1.a_b ", ""),
        VALUE.replace("ci-1.a_b", "a/b"),
        VALUE.replace("0a1b", "0-1"),
        VALUE.removesuffix(" arn=2c3d"),
        VALUE + "-x",
        "x " + VALUE,
    ],
)
def test_no_mark(value: str) -> None:
    """What cannot be read is no mark: its grace begins anew."""
    assert Mark.read({DOOMED_TAG: value}) is None


def test_no_tag() -> None:
    """A channel without the tag bears none, whatever its other tags say."""
    assert Mark.read({}) is None
    assert Mark.read({"env": VALUE}) is None


def test_digest() -> None:
    """It is the same for the same value on every machine, as marks are read by other runs."""
    assert digest("arn:aws:kinesisvideo:us-east-1:1:channel/a/1") == "473132820a8f"
    assert digest([["older-than", "2:00:00"], ["prefix", "None"]]) == "520e8365498b"
    assert digest({"b": MARK.time, "a": 1}) == digest({"a": 1, "b": MARK.time}) == "3a03d22c2cb2"

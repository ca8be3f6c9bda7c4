"""Keys that look alike, and what does not show in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG
from kvsops.core.judge import judge
from kvsops.core.likeness import likeness, mistaken, shown
from kvsops.core.policies import sweep_rules
from tests.core.examples import HOUR, NOW, Example

UNSEEN = (
    "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\ufe00\ufe0e\ufe0f"
    "\U000e0100\U000e01ef\U0001d173\U0001d17a\u00a0\u2000\u2003\u200a\u202f\u205f\u3000\u1680"
    "\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u2060\u2064\ufeff\u3164\U000e0020"
)


@pytest.mark.parametrize("letter", UNSEEN, ids=lambda letter: f"U+{ord(letter):04X}")
def test_what_does_not_show(letter: str) -> None:
    """It is escaped in a key, wherever it stands, and makes no other likeness of it."""
    for key in (letter + KEEP_TAG, KEEP_TAG + letter, f"kvsops{letter}:keep"):
        assert letter not in shown(key)
        assert "\\" in shown(key)
        assert mistaken([key], KEEP_TAG) == key


@pytest.mark.parametrize(
    "key",
    [
        "KVSOPS:KEEP",
        "Kvsops:Keep",
        " kvsops:keep ",
        "kvsops: keep",
        "\uff4b\uff56\uff53\uff4f\uff50\uff53:keep",  # of full width
        "kvsops:k\u0435\u0435p",  # Cyrillic
        "\u039aVSOPS:KEEP",  # Greek
        "kvsops:kéep",
        "kvsops\u02d0keep",
    ],
)
def test_alike(key: str) -> None:
    """Another case, width, accent, space or script looks like the key that is meant."""
    assert mistaken(["env", key], KEEP_TAG) == key


@pytest.mark.parametrize("key", [KEEP_TAG, "keep", "kvsops:kept", "kvsops:keep2", "kvsops", ""])
def test_not_alike(key: str) -> None:
    """The key itself is no mistake, and another is no likeness."""
    assert mistaken([key], KEEP_TAG) is None


@pytest.mark.parametrize("key", ["site", "Gerät", "名前", "a b", "team:Ж"])
def test_ordinary_keys_stay_as_they_are(key: str) -> None:
    """What shows is shown as it is."""
    assert shown(key) == key


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_key(key: str) -> None:
    """Whatever a key holds, it has a likeness, the same as that of its upper case."""
    assert likeness(key) == likeness(likeness(key))
    assert shown(shown(key)) == shown(key)


@pytest.mark.parametrize("meant", [KEEP_TAG, EXPIRES_AT_TAG])
def test_a_sweep_spares_and_says_so(meant: str) -> None:
    """The decision is to keep, and is marked as one that must be told."""
    facts = Example(
        {}, spares=True, tags={meant.upper() + "\u3164": "2020-01-01T00:00:00Z"}
    ).facts()
    decision = judge(facts, sweep_rules({"older-than": HOUR}), NOW, direct=True)
    assert decision.mistaken
    assert decision.reason == f"has {meant.upper()}\\u3164, which only looks like {meant}"

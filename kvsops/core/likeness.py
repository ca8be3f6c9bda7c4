"""Keys of tags that look alike: what a person who typed or read one may have meant by it."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

# What does not show though it is no control: Hangul fillers, the braille blank, Khmer's inherent
# vowels, variation selectors, a beamed note's ends, and all spaces but the space.
# Source: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
# (Default_Ignorable_Code_Point)
_UNSEEN: Final = (
    "\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ufdd0-\ufdef"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN: Final = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_UNSEEN}]")
_SPACES: Final = re.compile(f"[ {_UNSEEN}]")

# Letters of other scripts that are drawn as those of our own keys, lower case.
_DRAWN_ALIKE: Final = str.maketrans(
    "\u0430\u0435\u0456\u043a\u043e\u0440\u0441\u0443\u0445\u0455\u0475\u051d\u0442\u043d\u043c\u0458\u04bb\u0501"
    "\u03b1\u03b5\u03b9\u03ba\u03bf\u03c1\u03c4\u03c5\u03bd\u03c7\u03c2\u0131\u0138\u0261\u1d20\ua731\ua789\u02d0\u2010\u2011",
    "aeikopcyxsvwthmjhdaeikoptuvxsikgvs::--",
)


def shown(name: str) -> str:
    r"""Show what does not show in a key or a name as in Python's source: `kvsops:keep\u3164`."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), name)


@lru_cache(4_096)
def likeness(key: str) -> str:
    """Return what is alike in keys that look alike.

    Letter case, accents, widths, spaces and what does not show make no difference; nor do letters
    of another script that look the same.
    """
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", key).casefold())
    seen = "".join(each for each in letters if not unicodedata.category(each).startswith("M"))
    return _SPACES.sub("", seen.translate(_DRAWN_ALIKE))


def mistaken(keys: Iterable[str], meant: str) -> str | None:
    """Return which of the keys looks like the one that is meant, though it is another."""
    wanted = likeness(meant)
    return next((key for key in keys if key != meant and likeness(key) == wanted), None)


def closest(typed: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """Return which of the known words was most likely meant; None where none is near.

    `least` is how alike they must be: 0 to 1, as difflib counts it.
    """
    from difflib import get_close_matches  # slow to import, and for mistakes alone

    by_likeness = {likeness(each): each for each in known}
    found = get_close_matches(likeness(typed), by_likeness, n=1, cutoff=least)
    return by_likeness[found[0]] if found else None


def suggestion(typed: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean X?`; where none of the known words is near, what to say otherwise."""
    meant = closest(typed, known)
    return otherwise if meant is None else f"did you mean {meant}?"

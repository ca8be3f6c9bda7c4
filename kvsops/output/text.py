"""Text for people: what a terminal may be shown, what Markdown and XML may hold, counts.

Patterns stand as text: `re` compiles each, and keeps it, when it is first used. To compile them
all took `--help`, which uses none, longer than all else that is ours.
"""

import re
from typing import Final

_UNSAFE: Final = (
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 controls with ESC and newline, DEL, C1 controls
    "\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2065\ufeff"  # of no width
    "\u061c\u202a-\u202e\u2066-\u206f"  # bidirectional marks, overrides and isolates
    "\u2028\u2029"  # line and paragraph separators
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags, which never show
    "\u115f\u1160\u3164\uffa0\u17b4\u17b5\U0001d173-\U0001d17a"  # letters that never show
    "\ud800-\udfff"  # lone surrogates: no encoding takes them
    "]"
)


def safe(text: str) -> str:
    r"""Make a text fit for one line of a terminal: what acts or hides becomes a visible escape.

    Controls, newlines, separators, bidirectional marks, characters of no width and lone
    surrogates are written as in Python's source (`\n`, `\x1b`, `\u202e`); all else stays. A
    backslash stays as it is, so what has been made safe is not changed by a second time; JSON is
    the output that tells a newline from a backslash followed by an n. Nor is what a CI's runner
    looks for within a line left as it is.
    """
    shown = re.sub(_UNSAFE, _escape, text)
    return re.sub(_WITHIN, r"\\x23", shown) if "##" in shown else shown


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


# GitHub's runner takes a line for a command that begins with :: after any space, or holds ##[ ;
# that of Azure Pipelines looks for ##vso[ and ##[ .
# Source: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
_WITHIN: Final = r"(?i)(?<=#)#(?=(?:vso)?\[)"
_LEADING: Final = r"((?:\A|[\r\n])\s*):(?=:)"


def inert(lines: str) -> str:
    r"""Make lines such as no CI's runner takes for its commands: `::` begins as `\x3a:`.

    For what is printed; in JSON, where `json_inert` does it, no line begins so.
    """
    if "##" in lines:
        lines = re.sub(_WITHIN, r"\\x23", lines)
    return re.sub(_LEADING, r"\g<1>\\x3a", lines) if "::" in lines else lines


def json_inert(text: str) -> str:
    """Do the same to JSON, where the value stays the same: `##` stands in strings only."""
    return re.sub(_WITHIN, r"\\u0023", text) if "##" in text else text


_NO_XML: Final = "[\ufffe\uffff]"  # beside what `safe()` makes visible


def xml_safe(text: str) -> str:
    """Make a text fit for XML: the writer escapes what has a meaning, but takes any character."""
    return re.sub(_NO_XML, "\ufffd", safe(text))


_USERINFO: Final = r"(?<=//)[^/\s?#'\"]*@"


def without_userinfo(text: str) -> str:
    """Leave out a user and password before the host of each URL in the text."""
    return re.sub(_USERINFO, "", text) if "@" in text else text


_REDACTED: Final = r"""(?ix)
    ((?:X-Amz-(?:Credential|Security-Token|Signature)|secret_?access_?key|session_?token)
    (?:["']?\s*[:=]\s*["']?|\s+(?=[\w/+=-]{16})))[^\s"'&,}<>]+"""


def without_secrets(text: str) -> str:
    """Leave out what is a secret by the name before it, such as a presigned URL's signature.

    None should be in the text at all: this is for what others' errors quote, in a traceback, too.
    """
    return re.sub(_REDACTED, r"\1(redacted)", without_userinfo(text))


_MARKUP: Final = r"[\\`*\[\]~$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])"
_ENTITIES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("|"): "&#124;"}
# An address, a mention, an issue, an emoji: GitHub looks for these after the escapes are gone.
_LINKED: Final = r"(?i)@(?=\S)|(?<!&)#(?=\d)|\bGH(?=-\d)|www(?=\.)|:(?=//|[A-Za-z+-][\w+-]*:)"


def markdown_safe(text: str) -> str:
    r"""Make a text fit for a table's cell or within a line of GitHub Markdown: shown as it is.

    Characters that mean something are escaped, and an empty comment parts what would become a
    link, a mention or an emoji; so a reader who copies the text still gets the text. `safe()` is
    applied first. `|` becomes an entity because parsers differ on `\\|`.

    Source: https://github.github.com/gfm/ (tables, autolinks, backslash escapes).
    """
    escaped = re.sub(_MARKUP, r"\\\g<0>", safe(text)).translate(_ENTITIES)
    return re.sub(_LINKED, r"\g<0><!-- -->", escaped)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Tell how many: `1 channel`, `1,234 channels`; `plural` where an added s will not do."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"

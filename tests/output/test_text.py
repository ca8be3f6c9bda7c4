"""Text for people: terminals, Markdown and counts."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt  # rich brings it

from kvsops.output.text import count, inert, json_inert, markdown_safe, safe, without_secrets

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        (".", "."),
        ("a" * 256, "a" * 256),
        ("Gerät 名前 🎥 naïve", "Gerät 名前 🎥 naïve"),
        ("two\nlines", r"two\nlines"),
        ("tab\tand\rreturn", r"tab\tand\rreturn"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\u2066isolated\u2069\u200e\u200f\u061c", r"\u2066isolated\u2069\u200e\u200f\u061c"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("lone \ud83d", r"lone \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("a\\nb", "a\\nb"),
    ],
)
def test_safe_shows_what_would_act_or_hide(text: str, shown: str) -> None:
    """What acts on a terminal or hides becomes a visible escape; ordinary Unicode stays."""
    assert safe(text) == shown


@given(ANY_TEXT)
def test_safe_leaves_no_control(text: str) -> None:
    """Whatever comes in, no control, separator or lone surrogate goes out, and UTF-8 takes it."""
    shown = safe(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff")
    assert not {unicodedata.bidirectional(char) for char in shown} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(ANY_TEXT)
def test_safe_twice_is_safe_once(text: str) -> None:
    """What has been made safe is not changed by a second time, backslashes neither."""
    assert safe(safe(text)) == safe(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("ci-run_12.3", "ci-run_12.3"),
        ("__init__", r"\_\_init\_\_"),
        ("a|b", "a&#124;b"),
        ("a\\|b", "a\\\\&#124;b"),
        ("`code`", r"\`code\`"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("&lt;", "&amp;lt;"),
        ("[a](b)", r"\[a\](b)"),
        ("**bold** ~~gone~~ $x$", r"\*\*bold\*\* \~\~gone\~\~ \$x\$"),
        ("@octocat", "@<!-- -->octocat"),
        ("see #12 or GH-12", "see #<!-- -->12 or GH<!-- -->-12"),
        ("https://evil.example", "https:<!-- -->//evil.example"),
        ("www.evil.example", "www<!-- -->.evil.example"),
        (":tada: at 10:00:00", ":<!-- -->tada: at 10:00:00"),
        ("two\nlines", "two\\\\nlines"),
    ],
)
def test_markdown_safe_escapes(text: str, escaped: str) -> None:
    """What means something to GitHub is escaped or parted; a plain name is left alone."""
    assert markdown_safe(text) == escaped


@given(
    st.text(st.sampled_from("a_*`|\\<>&[]()~$@#:/.1!\n-'\"") | st.characters(exclude_categories=()))
)
def test_markdown_safe_reads_as_the_text(text: str) -> None:
    """A Markdown reader finds the text itself in the cell, and nothing but text."""
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = page.parse(f"| h |\n| --- |\n| x{markdown_safe(text)}x |\n")
    [cell] = [token for token in tokens if token.type == "inline"][1:]
    pieces = cell.children or []
    assert {piece.type for piece in pieces} <= {"text", "text_special", "html_inline"}
    assert {p.content for p in pieces if p.type == "html_inline"} <= {"<!-- -->"}
    words = "".join(piece.content for piece in pieces if piece.type != "html_inline")
    assert words == f"x{safe(text)}x"


@pytest.mark.parametrize(
    ("number", "noun", "plural", "told"),
    [
        (0, "channel", None, "0 channels"),
        (1, "channel", None, "1 channel"),
        (1234, "channel", None, "1,234 channels"),
        (2, "retry", "retries", "2 retries"),
        (1, "retry", "retries", "1 retry"),
    ],
)
def test_count(number: int, noun: str, plural: str | None, told: str) -> None:
    """One is singular, all else plural, thousands are set apart."""
    assert count(number, noun, plural) == told


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ("::set-output name=a::b\n", "\\x3a:set-output name=a::b\n"),
        ("a\r::error::x\n  \t::warning::y", "a\r\\x3a:error::x\n  \t\\x3a:warning::y"),
        ("a ##[error]b ##vso[x] ##VSO[y]", "a #\\x23[error]b #\\x23vso[x] #\\x23VSO[y]"),
        ("a::b\n:c\n# [d]", "a::b\n:c\n# [d]"),
        ("\u3000::x", "\u3000\\x3a:x"),
    ],
)
def test_no_command_of_a_ci(lines: str, shown: str) -> None:
    """No line begins as a command, and none holds one that may stand anywhere."""
    assert inert(lines) == shown
    assert inert(shown) == shown


def test_json_keeps_its_values() -> None:
    """JSON has no command in it, and the same values."""
    value = {"##[group]a": ["##vso[task]b", "# #["]}
    text = json_inert(json.dumps(value))
    assert "##[" not in text
    assert "##vso[" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "url='wss://v-1.kvs/?X-Amz-ChannelARN=arn&X-Amz-Signature=abc&X-Amz-Expires=299'",
            "url='wss://v-1.kvs/?X-Amz-ChannelARN=arn&X-Amz-Signature=(redacted)&X-Amz-Expires=299'",
        ),
        ("X-Amz-Credential=AKIA%2F20261128", "X-Amz-Credential=(redacted)"),
        ("{'X-Amz-Security-Token': 'FwoG/+='}", "{'X-Amz-Security-Token': '(redacted)'}"),
        ('"SecretAccessKey": "wJalr", "Version"', '"SecretAccessKey": "(redacted)", "Version"'),
        ("aws_secret_access_key = wJalr/+", "aws_secret_access_key = (redacted)"),
        ("aws_secret_access_key wJalrXUtnFEMIK7MDENG", "aws_secret_access_key (redacted)"),
        ("AWS_SESSION_TOKEN=FwoGZX", "AWS_SESSION_TOKEN=(redacted)"),
        ("https://user:pass@host/", "https://host/"),
        # What only speaks of one stays as it is.
        ("AWS_SESSION_TOKEN is not set", "AWS_SESSION_TOKEN is not set"),
        ("the session token has expired", "the session token has expired"),
    ],
)
def test_without_secrets(text: str, shown: str) -> None:
    """What a name says to be secret is left out, and nothing else."""
    assert without_secrets(text) == shown

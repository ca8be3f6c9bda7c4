"""The documents, read as their readers do: blocks of code in their order, commands, links.

A block marked `sh` can be typed as it stands, and the tests do; one marked `bash` needs what a test
does not have (root, a cluster, another language). A block whose first line is a comment with the
name of a file is that file.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
README: Final = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.(?:toml|py|yml))\n")
_CODE = re.compile(r"  # exit code (\d+)")
_BETWEEN: Final = "();<>|&\n"
"""What separates a shell's commands."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, if it is one."""
        found = _FILE.match(self.text)
        return found and found[1]


def pages() -> list[Path]:
    """Return the front page and all others."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def name(page: Path) -> str:
    """Return the page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the page's fenced blocks."""
    return [Block(*each) for each in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def typed(page: Path) -> list[str]:
    """Return the lines that its reader types, in their order, continued ones joined."""
    texts = [block.text for block in blocks(page) if block.language == "sh"]
    lines = "".join(texts).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def commands(page: Path) -> Iterator[list[str]]:
    """Give the command lines of kvsops that it shows, also the inner one of `kvsops local --`."""
    shown = [block.text for block in blocks(page) if block.language in {"sh", "bash"}]
    for words in _simple("".join(shown)):
        if words[:1] == ["kvsops"]:
            yield from _nested(words)


def _nested(words: list[str]) -> Iterator[list[str]]:
    """Give the command, and the one that it runs."""
    at = words.index("--") if words[1:2] == ["local"] and "--" in words else len(words)
    yield words[:at]
    if words[at + 1 : at + 2] == ["kvsops"]:
        yield from _nested(words[at + 1 :])


def _simple(text: str) -> Iterator[list[str]]:
    """Give the words of each simple command."""
    without_comments = re.sub(r"(^|\s)#.*$", "", text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(without_comments, posix=True, punctuation_chars=_BETWEEN)
    lexer.whitespace, lexer.whitespace_split = " \t", True
    words: list[str] = []
    for word in lexer:
        if set(word) <= set(_BETWEEN):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def script(lines: list[str]) -> str:
    """Return the lines as a script that ends with the first that does not end as it is said to.

    A line says by `# exit code N`, at its end, that it does not end with 0.
    """
    return "set -uo pipefail\n" + "".join(_checked(line) for line in lines)


def _checked(line: str) -> str:
    found = _CODE.search(line)
    wanted = found[1] if found else "0"
    quoted = shlex.quote(line)
    return (
        f"printf '%s\\n' {quoted}\n{line}\ncode=$?\n"
        f'[ "$code" = {wanted} ] || {{ printf "%s: exit code %s\\n" {quoted} "$code"; exit 99; }}\n'
    )


def links(page: Path) -> list[str]:
    """Return where its links and pictures lead, within the repository."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """Return what GitHub calls its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

"""The files that pages are made of: their weight, their colours, and nothing from elsewhere."""

import re
from importlib.resources import files

import pytest

STATIC = {each.name: each.read_text() for each in files("kvsops.web").joinpath("static").iterdir()}
SHARED = ["page.css", "icon.svg", "server.js", "signaling.js", "peer.js"]
VIEW = ["view.html", "view.css", "begin.js", "view.js", "stage.js", "talk.js", "tools.js"]
VIEW += ["measures.js", "charts.js", "figures.js"]


def test_the_weight() -> None:
    """All pages together have at most 120 kB, and that of `kvsops view` at most 60."""
    weights = {name: len(text.encode()) for name, text in STATIC.items()}
    assert sum(weights.values()) <= 120_000
    assert sum(weights[name] for name in (*SHARED, *VIEW)) <= 60_000


def test_nothing_from_elsewhere() -> None:
    """A file names no other server, but in comments and as the name of a language."""
    for name, text in STATIC.items():
        told = re.sub(r"^//.*$|http://www\.w3\.org/2000/svg", "", text, flags=re.MULTILINE)
        assert not re.findall(r"(?:https?|wss?)://[\w.]+", told), name


def test_nothing_inline() -> None:
    """No file has what the policy forbids: scripts or styles within the page, HTML made of text."""
    for name, text in STATIC.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|document\.write", text
        )
        if name.endswith(".html"):
            assert not re.search(r"<style|\bstyle=|\son\w+=|<script(?![^>]* src=)", text), name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    """Text stands out by 4.5 to 1 from what it stands on, in both schemes (WCAG 2.2, 1.4.3)."""
    blocks = re.findall(r":root \{(.*?)\}", STATIC["page.css"], re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[["light", "dark"].index(scheme)]))
    pairs = [(text, under) for text in ("ink", "soft") for under in ("paper", "tile", "button")]
    pairs += [("on-primary", "primary"), ("danger", "paper"), ("primary", "tile")]
    for text, under in pairs:
        light, dark = sorted((_luminance(colours[text]), _luminance(colours[under])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, under)


def _luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

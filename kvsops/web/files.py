"""The files that pages are made of, all in memory: so no path leads anywhere else."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_TYPES: Final = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
_BEFORE_PAINT: Final = re.compile(
    r'<link rel="stylesheet" href="/(?P<style>[\w.]+)">'
    r'|<script src="/(?P<script>[\w.]+)"></script>'
)


@dataclass(frozen=True, slots=True)
class Files:
    """What is served: bytes and content type by path, the page's own path being empty.

    `sources` are the hashes by which a Content-Security-Policy lets in the scripts and the styles
    that stand in the page itself: "script-src" and "style-src".
    """

    served: Mapping[str, tuple[bytes, str]]
    sources: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, page: str) -> "Files":
        """Read those of a page, an HTML file of ours.

        What it needs before it is painted is put into it: each file that a browser would have to
        fetch first, over connections that it would have to open, holds up the paint.
        """
        found = {
            each.name: each.read_bytes()
            for each in files("kvsops.web").joinpath("static").iterdir()
        }
        sources: dict[str, tuple[str, ...]] = {"script-src": (), "style-src": ()}

        def within(match: re.Match[str]) -> str:
            tag = "style" if match["style"] else "script"
            text = found[match[tag]].decode()
            sources[f"{tag}-src"] += (_hash_of(text),)
            return f"<{tag}>{text}</{tag}>"

        html = _BEFORE_PAINT.sub(within, found[page].decode())
        named = {name: body for name, body in found.items() if not name.endswith(".html")}
        served = {name: (body, _TYPES[name.rpartition(".")[2]]) for name, body in named.items()}
        return cls({**served, "": (html.encode(), _TYPES["html"])}, sources)


def _hash_of(text: str) -> str:
    """Name a text as a policy does (CSP Level 3, 2.3.1)."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"

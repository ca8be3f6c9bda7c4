"""Annotations: what GitHub Actions shows of a line above the job's log, and beside the commit."""

from collections.abc import Mapping
from typing import Final, Literal

from kvsops.output.text import safe

Level = Literal["error", "warning"]

# Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands;
# the escapes: https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = {**_DATA, ord(":"): "%3A", ord(","): "%2C"}


def annotated(environ: Mapping[str, str]) -> bool:
    """Whether GitHub Actions reads along.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    return environ.get("GITHUB_ACTIONS") == "true"


def annotation(level: Level, title: str, message: str) -> str:
    """Return the line; whatever strangers wrote in title or message stays text."""
    return f"::{level} title={safe(title).translate(_PROPERTY)}::{safe(message).translate(_DATA)}\n"

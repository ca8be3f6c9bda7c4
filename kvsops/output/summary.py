"""The summary of a step of GitHub Actions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kvsops.errors import KvsopsError
from kvsops.output.text import count, safe

VARIABLE: Final = "GITHUB_STEP_SUMMARY"

# More than 1 MiB in a step fails its upload, and nothing is shown of it.
# Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
LIMIT_BYTES: Final = 1024 * 1024
_NOTE_BYTES: Final = 100


def append_step_summary(markdown: str, environ: Mapping[str, str]) -> None:
    """Append whole lines of Markdown to the step's summary, if `GITHUB_STEP_SUMMARY` names it.

    What would pass GitHub's limit is left out at the end of a line, and said. Raises KvsopsError
    when the file cannot be written.
    """
    name = environ.get(VARIABLE)
    if not name:
        return
    try:
        with Path(name).open("ab") as file:
            written = file.tell() if file.seekable() else 0
            file.write(_fitting(markdown, LIMIT_BYTES - written, "\n" if written else ""))
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise KvsopsError(
            f"the summary cannot be written to {safe(name)} ({VARIABLE}): {reason}"
        ) from error


def _fitting(markdown: str, room: int, before: str) -> bytes:
    """Give the text, parted from what stands before it, or as many lines as there is room for."""
    data = (before + markdown.rstrip("\n") + "\n").encode("utf-8", "backslashreplace")
    if len(data) <= room:
        return data
    end = data.rfind(b"\n", 0, max(room - _NOTE_BYTES, 0)) + 1
    if not end:
        raise KvsopsError("the step's summary is full: GitHub shows 1 MiB of it")
    left_out = count(data[end:].count(b"\n"), "line")
    return data[:end] + f"\n_{left_out} left out: GitHub shows 1 MiB._\n".encode()

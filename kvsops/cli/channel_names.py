"""The channel names that a shell may complete: remembered for a minute, and never an error."""

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from kvsops.core.likeness import suggestion

if TYPE_CHECKING:
    from kvsops.aws.names import Names

WAIT_SECONDS: Final = 2.0
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]+")  # so that nothing else reaches the shell
FRESH_SECONDS: Final = 60.0
_PLACE: Final = ("profile", "region", "endpoint_url")
_VARIABLES: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_KINESIS_VIDEO",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""What tells one account and region from another; a digest of it is kept beside the names."""


def channel_names(
    options: Mapping[str, Any],
    begun: str,
    environ: Mapping[str, str] = os.environ,
    *,
    wait_seconds: float = WAIT_SECONDS,
) -> list[str]:
    """Return the names that begin so; none where they cannot be had in time.

    `options` are those given so far, by click's names.
    """
    place = {name: options.get(name) for name in _PLACE}
    given = json.dumps([*place.values(), *map(environ.get, _VARIABLES)])
    digest = hashlib.sha256(given.encode()).hexdigest()
    names = _remembered(digest, begun)
    if names is None:
        names = _asked(place, environ, begun, digest, wait_seconds)
    return [name for name in names if name.startswith(begun) and _NAME.fullmatch(name)]


def nearest(options: Mapping[str, Any], name: str, *, terminal: bool | None = None) -> str:
    """Return `did you mean NAME?` where a channel has nearly that name; nothing otherwise.

    Only a person at a terminal is told, since it takes a call that the command's own work does not.
    """
    if not (sys.stderr.isatty() if terminal is None else terminal):
        return ""
    return suggestion(name, channel_names(options, ""))


def _asked(
    place: dict[str, Any], environ: Mapping[str, str], begun: str, digest: str, wait_seconds: float
) -> list[str]:
    """Ask AWS in a thread that is left behind where it takes too long."""
    found: list[Names] = []

    def ask() -> None:
        with suppress(Exception):  # whatever it is: who presses Tab wants no message
            from kvsops.aws.names import names

            found.append(names(**place, environ=environ, prefix=begun))

    reader = Thread(target=ask, daemon=True)
    reader.start()
    reader.join(wait_seconds)
    if not found:
        return []
    with suppress(OSError):
        _remember(digest, found[0])
    return found[0].names


def _file() -> Path | None:
    from kvsops.output.places import cache_directory

    kept = cache_directory()
    return kept / "channel-names.json" if kept else None


def _remembered(digest: str, begun: str) -> list[str] | None:
    """Return the names of a moment ago, where those that begin so are all among them."""
    file = _file()
    try:
        if file is None or abs(time.time() - file.stat().st_mtime) > FRESH_SECONDS:
            return None
        kept = json.loads(file.read_text(encoding="utf-8"))
        prefix, whole = kept["prefix"], kept["whole"]
        covered = begun.startswith(prefix) if whole else begun == prefix
        return kept["names"] if covered and kept["digest"] == digest else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _remember(digest: str, found: "Names") -> None:
    from kvsops.output.files import replace

    file = _file()
    if file is None:
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {"digest": digest, "prefix": found.prefix, "whole": found.whole, "names": found.names}
    replace(file, json.dumps(kept).encode(), mode=0o600)

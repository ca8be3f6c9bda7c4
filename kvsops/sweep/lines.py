"""The lines of a journal: what each must have, and what is wrong with one that has it not.

What is written is held against the same as what is read: a deletion whose line could not be taken
for a restoration is not begun.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kvsops.core.channel import MESSAGE_TTL_SECONDS, ChannelArn
from kvsops.core.text import parsed_moment
from kvsops.errors import UsageError

VERSION: Final = 1
TORN: Final = "it is cut short"
NOT_JSON: Final = "it is not JSON: is this a kvsops journal?"

_BEGINNING: Final = b'{"journal": '
# Within a line it cannot stand: JSON escapes the quotes of what is text.
_NEXT: Final = re.compile(b"(?<=.)(?=" + re.escape(_BEGINNING) + b")")
_TYPES: Final = (None, "SINGLE_MASTER")
"""The types of channel that can be made. Source:
https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_CreateSignalingChannel.html
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line's number and what it says, or what is wrong with it.

    `torn` marks one whose writing was cut off, by a kill or a full disk. It loses nothing: what a
    line announces is done only when it is on the disk, and what was announced is looked for.
    """

    number: int
    said: dict[str, Any]
    wrong: str = ""
    torn: bool = False


def lines_of(path: Path) -> list[Line]:
    """Read a journal's lines; raises `UsageError` for a file that cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the journal {path} cannot be read: {error.strerror}") from error
    return list(_lines(data.removeprefix(codecs.BOM_UTF8)))


def _lines(data: bytes) -> Iterator[Line]:
    for number, text in enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], 1):
        for piece in _NEXT.split(text):  # a line may have been begun behind a torn one
            yield _line(number, piece)


def _line(number: int, text: bytes) -> Line:
    try:
        line = json.loads(text.decode())
    except (ValueError, RecursionError):
        torn = text.startswith(_BEGINNING) or (text != b"" and _BEGINNING.startswith(text))
        return Line(number, {}, TORN if torn else NOT_JSON, torn)
    wrong = _objection(line)
    return Line(number, {} if wrong else line, wrong)


def _objection(line: object) -> str:
    """Say what is wrong with a line, if anything is."""
    if not isinstance(line, dict) or "journal" not in line:
        return "it is not a kvsops journal's"
    if line["journal"] != VERSION:
        return f"it has format {line['journal']!r}: a newer kvsops wrote it"
    if not isinstance(line.get("event", ""), str) or not isinstance(line.get("run", ""), str):
        return "it does not tell what was done, and by which run"
    try:
        arn = ChannelArn.parse(line["channel_arn"])
        return objection(line, arn) if line["event"] == "deleting" else ""
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        return f"it lacks or garbles {error}"


def objection(line: Mapping[str, Any], arn: ChannelArn) -> str:
    """Say why the channel of a `deleting` line could not be made again, if it could not.

    May raise KeyError, TypeError and AttributeError for a line that lacks something.
    """
    ttl, link, kind = line["message_ttl_seconds"], line["storage"], line["channel_type"]
    if line["channel_name"] != arn.channel_name:
        return f"the name {line['channel_name']!r} is not that of {arn}"
    if parsed_moment(line["time"]) is None:
        return f"the time {line['time']!r} is none"
    if ttl is not None and (type(ttl) is not int or ttl not in MESSAGE_TTL_SECONDS):
        return f"a message TTL of {ttl!r} s cannot be set"
    if kind not in _TYPES:
        return f"a channel of type {kind!r} cannot be made"
    return _odd_text(line["tags"], link)


def _odd_text(tags: Mapping[object, object], link: Mapping[str, object] | None) -> str:
    for key, value in tags.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return f"the tag {key!r} has the value {value!r}, which is no text"
    if link is not None:
        status, stream = link["status"], link["stream_arn"]
        if not isinstance(status, str) or not isinstance(stream or "", str):
            return f"{link!r} is no storage link"
    return ""

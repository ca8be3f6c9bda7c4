"""What is read of many streams: tags by the index, all else directly, stream by stream."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from kvsops.aws import streams
from kvsops.aws.scope import Scope
from kvsops.core.channel import Channel
from kvsops.core.facts import Facts, Need
from kvsops.core.stream import Stream
from kvsops.errors import AwsError, NotFoundError
from kvsops.facts.look import Reader
from kvsops.facts.tags import Tags
from kvsops.output.console import UNSEEN, Counter
from kvsops.output.text import count

Value = TypeVar("Value")

TAGS: Final[Reader] = Tags(Need.TAGS, "tags, one by one", streams.tags_of)
"""Reads the tags of streams, as `facts_of` tells of them."""


def facts_of(stream: Stream) -> Facts:
    """Return what the rules of names, ages, status and tags look at: a stream has it, too."""
    return Facts(
        Channel(
            stream.stream_name,
            stream.stream_arn,
            stream.status,
            stream.creation_time,
            version=None,
            doubt=stream.doubt,
        )
    )


def read_each(
    scope: Scope,
    wanted: Sequence[Stream],
    read: Callable[[Scope, str], Value],
    what: str,
    counter: Counter = UNSEEN,
) -> tuple[dict[str, Value | None], list[str]]:
    """Read something of each stream, by ARN, and what could not be read: that is None.

    One that was deleted meanwhile is left out, and no failure. `what` is what one calls it.
    """
    problems: dict[str, list[str]] = {}  # what was said, by the same without its stream
    gone: set[Stream] = set()

    def one(stream: Stream) -> Value | None:
        if scope.patience.interrupted:  # each would be given a moment of its own
            return None
        try:
            return read(scope, stream.stream_arn)
        except NotFoundError:
            gone.add(stream)
            return None
        except AwsError as error:
            said = str(error)
            alike = said.replace(stream.stream_arn, "").replace(stream.stream_name, "")
            problems.setdefault(alike, []).append(said)
            return None
        finally:
            counter.advance()

    if wanted:
        counter.stage(what, len(wanted))
    found = zip(wanted, scope.in_parallel(one, wanted), strict=True)
    values = {stream.stream_arn: value for stream, value in found if stream not in gone}
    return values, [_together(sorted(each)) for _, each in sorted(problems.items())]


def _together(said: Sequence[str]) -> str:
    """Say once what failed alike for many streams."""
    more = f"; so, too, for {count(len(said) - 1, 'more stream')}" if said[1:] else ""
    return said[0] + more

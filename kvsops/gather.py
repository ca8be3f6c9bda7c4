"""Facts for many channels at once: what judge() asks for, read as cheaply as will do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from kvsops.aws import channels
from kvsops.aws.channels import INDEX_PAGE
from kvsops.aws.scope import ATTEMPTS, WORKERS, Scope
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.errors import AwsError, NotFoundError

DIRECT_UP_TO: Final = 100
"""So many channels absent from the tag index are read one by one; of more, it is only said."""

GONE: Final = "deleted meanwhile"
"""Why a fact is unknown of a channel that went between the listing and the read."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Advance = Callable[[int], object]


@dataclass(slots=True)
class Gathered:
    """The channels with what was read added, in the order asked, and what could not be read."""

    facts: list[Facts]
    problems: list[str] = field(default_factory=list)


def direct(scope: Scope, facts: Facts, need: Need, *, attempts: int = ATTEMPTS) -> Facts:
    """Read one fact of one channel directly; a failure is an Unknown.

    Raises `NotFoundError` when the channel is gone, `CredentialsError` when nothing can be read.
    """
    arn, at = facts.channel.channel_arn, scope.now()
    try:
        if need is Need.TAGS:
            tags = channels.tags_of(scope, arn, attempts=attempts)
            return replace(facts, tags=Fact(tags, Source.DIRECT, at))
        link = channels.storage_link_of(scope, arn, attempts=attempts)
        return replace(facts, storage=Fact(link, Source.DIRECT, at))
    except NotFoundError:
        raise
    except AwsError as error:
        return facts.with_unknown(need, Unknown(str(error), at))


def fetch(
    scope: Scope,
    need: Need,
    wanted: Sequence[Facts],
    *,
    directly: bool = False,
    advance: Advance = lambda _: None,
) -> Gathered:
    """Read one fact of the channels that lack it, as cheaply as will do, or all `directly`.

    Tags come from the tag index, in its batches of 100. Channels absent from it are read directly
    where they are few, else they stay NOT_INDEXED; where the index cannot be read, they all are.
    Storage links have no cheap source. `advance` is told of each channel done.
    """
    problems: list[str] = []
    unread = [each for each in wanted if each.get(need) is None]
    if need is Need.TAGS and not directly:
        unread = _from_index(scope, unread, problems, advance)
    few = sum(_absent(each) for each in unread) <= DIRECT_UP_TO

    def read(each: Facts) -> Facts:
        try:
            return direct(scope, each, need)
        except NotFoundError:
            return each.with_unknown(need, Unknown(GONE, scope.now()))
        finally:
            advance(0 if each.get(need) else 1)

    missing = [each for each in unread if each.get(need) is None or (few and _absent(each))]
    known = {each.channel.channel_arn: each for each in unread}
    known |= {each.channel.channel_arn: each for each in in_parallel(read, missing)}
    facts = [known.get(each.channel.channel_arn, each) for each in wanted]
    return Gathered(facts, sorted(set(problems)))


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the function's results in the items' order; what has not begun ends with the caller."""
    executor = ThreadPoolExecutor(WORKERS)
    try:
        yield from executor.map(function, items)
    finally:
        executor.shutdown(cancel_futures=True)


def _from_index(
    scope: Scope, wanted: Sequence[Facts], problems: list[str], advance: Advance
) -> list[Facts]:
    """Add the index's answer to each; those whose batch failed stay as they are."""

    def read(batch: Sequence[Facts]) -> Sequence[Facts]:
        at = scope.now()
        try:
            found = channels.indexed_tags(scope, [each.channel.channel_arn for each in batch])
        except AwsError as error:
            problems.append(f"{error}; tags are read channel by channel instead")
            return batch
        advance(len(batch))
        return [_with_indexed(each, found, at) for each in batch]

    batches = [wanted[at : at + INDEX_PAGE] for at in range(0, len(wanted), INDEX_PAGE)]
    return [each for batch in in_parallel(read, batches) for each in batch]


def _with_indexed(facts: Facts, found: dict[str, dict[str, str]], at: datetime) -> Facts:
    arn = facts.channel.channel_arn
    source = Source.INDEX if arn in found else Source.NOT_INDEXED
    return replace(facts, tags=Fact(found.get(arn, {}), source, at))


def _absent(facts: Facts) -> bool:
    return isinstance(facts.tags, Fact) and facts.tags.source is Source.NOT_INDEXED

"""Facts for many channels at once: what judge() asks for, read as cheaply as will do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from kvsops.aws import channels
from kvsops.aws.channels import INDEX_PAGE
from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.rules import IN_USE
from kvsops.errors import AwsError, NotFoundError
from kvsops.facts import activity as uses

DIRECT_UP_TO: Final = 100
"""So many channels absent from the tag index are read one by one; of more, it is only said."""

GONE: Final = "deleted meanwhile"
"""Why a fact is unknown of a channel that went between the listing and the read."""

Advance = Callable[[int], object]


@dataclass(slots=True)
class Gathered:
    """The channels with what was read added, in the order asked, and what could not be read."""

    facts: list[Facts]
    problems: list[str] = field(default_factory=list)


def direct(
    scope: Scope,
    facts: Facts,
    need: Need,
    *,
    span: timedelta | None = IN_USE,
    attempts: int = ATTEMPTS,
) -> Facts:
    """Read one fact of one channel directly; a failure is an Unknown.

    `span` says how far back activity is read, None since the channel was made. Raises
    `NotFoundError` when the channel is gone, `CredentialsError` when nothing can be read.
    """
    if need is Need.ACTIVITY:
        return uses.read(scope, [facts], span)[0]
    arn, at = facts.channel.channel_arn, scope.now()
    look = channels.tags_of if need is Need.TAGS else channels.storage_link_of
    try:
        return facts.having(need, Fact(look(scope, arn, attempts=attempts), Source.DIRECT, at))
    except NotFoundError:
        raise
    except AwsError as error:
        return facts.having(need, Unknown(str(error), at))


def fetch(
    scope: Scope,
    need: Need,
    wanted: Sequence[Facts],
    *,
    span: timedelta | None = IN_USE,
    directly: bool = False,
    advance: Advance = lambda _: None,
) -> Gathered:
    """Read one fact of the channels that lack it, as cheaply as will do, or all `directly`.

    Tags come from the tag index, in its batches of 100. Channels absent from it are read directly
    where they are few, else they stay NOT_INDEXED; where the index cannot be read, they all are.
    Activity is first hinted at by ListMetrics; asked for again, it is read from the metrics.
    Storage links have no cheap source. `directly` reads what is known from an index alone, too.
    `advance` is told of each channel done.
    """
    problems: list[str] = []
    wanted = [_without_hint(each, need) if directly else each for each in wanted]
    if need is Need.ACTIVITY:
        hinted = [each for each in wanted if each.activity is not None or directly]
        known = _by_arn(uses.read(scope, hinted, span, advance=advance))
        others = [each for each in wanted if each.channel.channel_arn not in known]
        known |= _by_arn(uses.hint(scope, others, problems))
        return _gathered(wanted, known, problems)
    unread = [each for each in wanted if each.get(need) is None]
    if need is Need.TAGS and not directly:
        unread = _from_index(scope, unread, problems, advance)
    few = sum(_absent(each) for each in unread) <= DIRECT_UP_TO

    def read(each: Facts) -> Facts:
        try:
            return direct(scope, each, need)
        except NotFoundError:
            return each.having(need, Unknown(GONE, scope.now()))
        finally:
            advance(0 if each.get(need) else 1)

    missing = [each for each in unread if each.get(need) is None or (few and _absent(each))]
    known = _by_arn(unread) | _by_arn(scope.in_parallel(read, missing))
    return _gathered(wanted, known, problems)


def _without_hint(facts: Facts, need: Need) -> Facts:
    """Forget what is known from an index alone."""
    fact = facts.get(need)
    hinted = isinstance(fact, Fact) and fact.source is not Source.DIRECT
    return facts.having(need, None) if hinted else facts


def _by_arn(facts: Iterable[Facts]) -> dict[str, Facts]:
    return {each.channel.channel_arn: each for each in facts}


def _gathered(wanted: Sequence[Facts], known: dict[str, Facts], problems: list[str]) -> Gathered:
    facts = [known.get(each.channel.channel_arn, each) for each in wanted]
    return Gathered(facts, sorted(set(problems)))


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
    return [each for batch in scope.in_parallel(read, batches) for each in batch]


def _with_indexed(facts: Facts, found: dict[str, dict[str, str]], at: datetime) -> Facts:
    arn = facts.channel.channel_arn
    source = Source.INDEX if arn in found else Source.NOT_INDEXED
    return replace(facts, tags=Fact(found.get(arn, {}), source, at))


def _absent(facts: Facts) -> bool:
    return isinstance(facts.tags, Fact) and facts.tags.source is Source.NOT_INDEXED

"""Tags: from the tag index, which lags and leaves out; else directly, channel by channel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from kvsops.aws import channels
from kvsops.aws.channels import INDEX_PAGE
from kvsops.aws.scope import Scope
from kvsops.core.facts import Fact, Facts, Need, Source
from kvsops.errors import AwsError
from kvsops.facts.look import ByChannel, Gathered, Look, Reader, in_order, without_hints

DIRECT_UP_TO: Final = 100
"""At most this many channels absent from the tag index are read one by one; of more it is said."""


class Tags(ByChannel):
    """Reads tags in the index's batches of 100, or directly."""

    def many(self, scope: Scope, wanted: Sequence[Facts], look: Look) -> Gathered:
        """Read the tags that are not known yet.

        Channels absent from the index are read directly where they are few, else they stay
        NOT_INDEXED; where the index cannot be read, they all are.
        """
        problems: list[str] = []
        wanted = without_hints(wanted, Need.TAGS) if look.directly else wanted
        unread = [each for each in wanted if each.tags is None]
        if not look.directly:
            unread = _from_index(scope, unread, problems, look)
        few = sum(_absent(each) for each in unread) <= DIRECT_UP_TO
        missing = [each for each in unread if each.tags is None or (few and _absent(each))]
        read = self.each(scope, missing, look)
        return Gathered(in_order(wanted, unread, read), sorted(set(problems)))


READER: Final[Reader] = Tags(Need.TAGS, "tags, one by one", channels.tags_of)


def _from_index(
    scope: Scope, wanted: Sequence[Facts], problems: list[str], look: Look
) -> list[Facts]:
    """Add the index's answer to each; those whose batch failed stay as they are."""

    def read(batch: Sequence[Facts]) -> Sequence[Facts]:
        at = scope.now()
        try:
            found = channels.indexed_tags(scope, [each.channel.channel_arn for each in batch])
        except AwsError as error:
            problems.append(f"{error}; tags are read channel by channel instead")
            return batch
        look.counter.advance(len(batch))
        return [_with_indexed(each, found, at) for each in batch]

    if wanted:
        look.counter.stage("tags", len(wanted))
    batches = [wanted[at : at + INDEX_PAGE] for at in range(0, len(wanted), INDEX_PAGE)]
    return [each for batch in scope.in_parallel(read, batches) for each in batch]


def _with_indexed(facts: Facts, found: dict[str, dict[str, str]], at: datetime) -> Facts:
    arn = facts.channel.channel_arn
    source = Source.INDEX if arn in found else Source.NOT_INDEXED
    return replace(facts, tags=Fact(found.get(arn, {}), source, at))


def _absent(facts: Facts) -> bool:
    return isinstance(facts.tags, Fact) and facts.tags.source is Source.NOT_INDEXED

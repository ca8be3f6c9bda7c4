"""Facts for many channels at once: what judge() asks for, read as cheaply as will do."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.facts import Facts, Need
from kvsops.core.rules import IN_USE
from kvsops.facts import activity, storage, tags
from kvsops.facts.look import Gathered, Look, Reader
from kvsops.output.console import UNSEEN, Counter

READERS: Final[dict[Need, Reader]] = {
    Need.TAGS: tags.READER,
    Need.STORAGE: storage.READER,
    Need.ACTIVITY: activity,
}


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
    return READERS[need].one(scope, facts, Look(span, directly=True, attempts=attempts))


def fetch(
    scope: Scope,
    need: Need,
    wanted: Sequence[Facts],
    *,
    span: timedelta | None = IN_USE,
    directly: bool = False,
    counter: Counter = UNSEEN,
) -> Gathered:
    """Read one fact of the channels that lack it, as cheaply as will do, or all `directly`.

    `directly` reads what is known from an index alone, too. `counter` hears what is read, and of
    how many channels.
    """
    return READERS[need].many(scope, wanted, Look(span, directly, counter=counter))

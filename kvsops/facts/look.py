"""How facts are read, whichever they are: what a look asks for, and what it found."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.rules import IN_USE
from kvsops.errors import AwsError, NotFoundError
from kvsops.output.console import UNSEEN, Counter

GONE: Final = "deleted meanwhile"
"""Why a fact is unknown of a channel that went between the listing and the read."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for.

    `span` is how far back activity is read, None since the channel was made; `directly` allows no
    index; `counter` hears what is read, of how many channels, and how many are done.
    """

    span: timedelta | None = IN_USE
    directly: bool = False
    attempts: int = ATTEMPTS
    counter: Counter = UNSEEN


@dataclass(slots=True)
class Gathered:
    """The channels with what was read added, in the order asked, and what could not be read."""

    facts: list[Facts]
    problems: list[str] = field(default_factory=list)


class Reader(Protocol):
    """Reads one kind of fact; each has a module of its own."""

    def one(self, scope: Scope, facts: Facts, look: Look) -> Facts:
        """Read it directly of one channel; see `kvsops.facts.gather.direct`."""

    def many(self, scope: Scope, wanted: Sequence[Facts], look: Look) -> Gathered:
        """Read it of channels as cheaply as will do; see `kvsops.facts.gather.fetch`."""


@dataclass(frozen=True, slots=True)
class ByChannel:
    """Reads a fact directly, channel by channel; `read` takes the scope, the ARN and `attempts`.

    `what` is what one calls it while it is read of many.
    """

    need: Need
    what: str
    read: Callable[..., object]

    def one(self, scope: Scope, facts: Facts, look: Look) -> Facts:
        """Read it of one channel; a failure is an Unknown, but not that the channel is gone."""
        arn, at = facts.channel.channel_arn, scope.now()
        try:
            value = self.read(scope, arn, attempts=look.attempts)
        except NotFoundError:
            raise
        except AwsError as error:
            return facts.having(self.need, Unknown(str(error), at))
        return facts.having(self.need, Fact(value, Source.DIRECT, at))

    def many(self, scope: Scope, wanted: Sequence[Facts], look: Look) -> Gathered:
        """Read it of the channels that lack it."""
        unread = [each for each in wanted if each.get(self.need) is None]
        return Gathered(in_order(wanted, self.each(scope, unread, look)))

    def each(self, scope: Scope, wanted: Iterable[Facts], look: Look) -> list[Facts]:
        """Read it of each of these channels, several at a time; one that is gone is unknown."""
        wanted = list(wanted)
        if wanted:
            look.counter.stage(self.what, len(wanted))

        def read(each: Facts) -> Facts:
            try:
                return self.one(scope, each, look)
            except NotFoundError:
                return each.having(self.need, Unknown(GONE, scope.now()))
            finally:
                look.counter.advance()

        return list(scope.in_parallel(read, wanted))


def without_hints(wanted: Iterable[Facts], need: Need) -> list[Facts]:
    """Forget what is known from an index alone."""

    def hinted(fact: object) -> bool:
        return isinstance(fact, Fact) and fact.source is not Source.DIRECT

    return [each.having(need, None) if hinted(each.get(need)) else each for each in wanted]


def in_order(wanted: Iterable[Facts], *read: Iterable[Facts]) -> list[Facts]:
    """Return the channels wanted, each as it was read last, if at all."""
    known = {each.channel.channel_arn: each for facts in read for each in facts}
    return [known.get(each.channel.channel_arn, each) for each in wanted]

"""The deed of a sweep: each condemned channel is judged once more on direct reads, then deleted.

A delete takes its turn in the quota before those reads, so that it follows them at once. It is
journalled before and after, carries the version that was judged, and is judged anew whenever it
is tried again. One failure never stops the rest.
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from os.path import commonprefix
from typing import Final

import stamina

from kvsops.aws import channels
from kvsops.aws.scope import ATTEMPTS, WORKERS, Scope
from kvsops.core.channel import StorageLink
from kvsops.core.facts import Fact, Facts, Need, Source
from kvsops.core.judge import Decision, Rules, Verdict, judge
from kvsops.errors import AwsError, KvsopsError, NotFoundError
from kvsops.facts import gather
from kvsops.sweep import marks as marking
from kvsops.sweep.journal import Journal
from kvsops.sweep.plan import Advance, Item, Outcome

FRESH: Final = timedelta(seconds=2)
"""How long after a direct read the delete that rests on it may leave."""

METRICS_FRESH: Final = timedelta(minutes=5)
"""How long a read of the metrics stays good: they come late themselves."""

DELETE: Final = "DeleteSignalingChannel"
INTERRUPTED: Final = "interrupted"


class StaleError(KvsopsError):
    """What was read is too old to delete by: read again."""


@dataclass(slots=True)
class Sweep:
    """What the deletions of one run share.

    `deadline` is on the scope's clock; `stop` ends the run in order: what has begun is finished,
    the rest is left, and `why_stopped` says why.
    """

    scope: Scope
    rules: Rules
    journal: Journal
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    why_stopped: str = ""

    def carry_out(self, doomed: Sequence[Item], advance: Advance = lambda _: None) -> None:
        """Delete the channels; each item says what became of it.

        Ctrl-C stops in order; the reason is then INTERRUPTED. Once more makes it no quicker: the
        journal stays open until what has begun is finished.
        """
        try:
            with self.scope.reading_until(self.deadline):
                self._read_activity(doomed)
        except KeyboardInterrupt:
            self.end(INTERRUPTED)
        with ThreadPoolExecutor(WORKERS) as executor:
            waiting = deque(doomed)
            begun: deque[Future[None]] = deque()
            while waiting or begun:
                try:
                    while waiting and not self.stop.is_set():
                        begun.append(executor.submit(self._delete, waiting[0]))
                        waiting.popleft()
                    if not begun:
                        break
                    begun[0].result()
                    begun.popleft()
                    advance(1)
                except KeyboardInterrupt:
                    self.end(INTERRUPTED)
                except Exception as error:  # a defect of ours: delete no more
                    self.end(repr(error))
                    raise
        for item in doomed:
            if item.outcome.value.startswith("would-"):  # its turn never came
                item.end(Outcome.LEFT, self.why_stopped)

    def _read_activity(self, doomed: Sequence[Item]) -> None:
        """Read all metrics at once that a judgement will rest on; they stay good for a while."""
        if not self.rules.looks_at(Need.ACTIVITY):
            return
        judged = [item for item in doomed if item.outcome is not Outcome.WOULD_UNMARK]
        items = [item for item in judged if self.fresh(item.facts).activity is None]
        wanted = [item.facts for item in items]
        read = gather.fetch(self.scope, Need.ACTIVITY, wanted, span=self.rules.span, directly=True)
        for item, facts in zip(items, read.facts, strict=True):
            item.facts = facts

    def fresh(self, facts: Facts) -> Facts:
        """Forget what is not to be deleted by: all but a recent direct read of the activity."""
        activity = facts.activity
        read = isinstance(activity, Fact) and activity.source is Source.DIRECT
        if activity is None or not read or self.scope.now() - activity.read_at > METRICS_FRESH:
            activity = None
        return replace(facts, tags=None, storage=None, activity=activity)

    def end(self, why: str) -> None:
        """Begin no more deletions; where a person waits, go on with no read that fails."""
        self.why_stopped = self.why_stopped or why
        if why == INTERRUPTED:
            self.scope.interrupted.set()
        self.stop.set()

    def _delete(self, item: Item) -> None:
        if self.deadline is not None and self.scope.clock() >= self.deadline:
            self.end("the deadline passed")
        if self.stop.is_set():
            item.end(Outcome.LEFT, self.why_stopped)
            return
        if item.outcome is Outcome.WOULD_UNMARK:
            self._unmark(item)
        else:
            Deletion(self, item).run()

    def _unmark(self, item: Item) -> None:
        try:
            marking.take_off(self.scope, item)
        except KvsopsError as error:
            item.end(Outcome.FAILED, f"its mark cannot be taken off: {error}")


@dataclass(slots=True)
class Deletion:
    """One channel's deletion, from its turn in the quota to its last line in the journal.

    Where the direct reads say that its policy's grace has yet to pass, it is marked instead; what
    was only to be marked is not deleted, for neither the fuse nor the limit has counted it.
    """

    sweep: Sweep
    item: Item
    tries: int = 0
    sent: bool = False  # an earlier try may have been carried out though its answer was lost
    unlinked: StorageLink | None = None
    begun: bool = False  # a line in the journal says that the deletion begins

    def run(self) -> None:
        """Try until something has become of the channel; whatever happens, say what."""
        left = self.sweep.deadline and max(self.sweep.deadline - self.sweep.scope.clock(), 0.001)
        tries = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=left, wait_max=5, wait_jitter=0.5)
        try:
            tries.on(_worth_trying_again)(self._try)
        except KvsopsError as error:
            if self._cut_short:
                self.item.end(Outcome.LEFT, self.sweep.why_stopped)
            else:
                self.item.end(Outcome.FAILED, str(error))
            if not isinstance(error, AwsError | StaleError):  # as bad for all the others
                self.sweep.end(str(error))
        try:
            if self.unlinked and self.item.outcome not in (Outcome.DELETED, Outcome.GONE):
                self._relink(self.unlinked)
            if self.begun:
                self._note(self.item.outcome.value, reason=self.item.reason)
        except KvsopsError as error:
            self.sweep.end(str(error))

    def _try(self) -> None:
        self.sweep.scope.turn(DELETE)
        self.tries += 1
        try:
            if self.tries > 1 and self._ended_meanwhile():
                return
            facts, decision = self._judge_directly()
            if decision.verdict is Verdict.DELETE and self.item.outcome is Outcome.WOULD_MARK:
                self.item.end(Outcome.LEFT, f"{decision.reason}; the next run deletes it")
            elif decision.verdict is Verdict.DELETE:
                self.item.decision = decision  # every fact of it is confirmed
                self._delete(facts, decision.reason)
            elif decision.verdict is Verdict.MARK:
                self._mark(decision)
            elif decision.unknown and self._cut_short:
                self.item.end(Outcome.LEFT, self.sweep.why_stopped)
            else:
                self.item.decide(decision)
        except NotFoundError:
            self._end_gone("it was gone already")

    @property
    def _cut_short(self) -> bool:
        """Whether nothing was done yet when Ctrl-C ended the reading."""
        return self.sweep.scope.interrupted.is_set() and not self.begun

    def _ended_meanwhile(self) -> bool:
        """Before another try, read the channel anew and say if there is nothing left to do."""
        channel = channels.described(self.sweep.scope, self.item.channel.channel_arn)
        if channel.status == "DELETING":
            self._end_gone("somebody else is deleting it")
        elif channel.version != self.item.channel.version:
            self.item.end(Outcome.CHANGED, "it changed after it was planned")
        else:
            self.item.facts = replace(self.item.facts, channel=channel)
            return False
        return True

    def _judge_directly(self) -> tuple[Facts, Decision]:
        """Read each fact that the judgement asks for, directly."""
        facts = self.sweep.fresh(self.item.facts)
        scope, rules = self.sweep.scope, self.sweep.rules
        while (decision := judge(facts, rules, scope.now(), direct=True)).need:
            facts = gather.direct(scope, facts, decision.need, span=rules.span)
        self.item.facts = facts
        return facts, decision

    def _delete(self, facts: Facts, reason: str) -> None:
        tags, storage = facts.tags, facts.storage
        if not isinstance(tags, Fact) or not isinstance(storage, Fact):  # the protections need both
            raise TypeError(facts)
        scope, now = self.sweep.scope, self.sweep.scope.now()
        if now - min(tags.read_at, storage.read_at) > FRESH:
            raise StaleError("what was read could not be acted on within 2 s")
        self.begun = True
        link = self.unlinked or storage.value
        self.sweep.journal.deleting(now, facts.channel, tags.value, link, reason)
        if storage.value.linked:
            self._unlink(storage.value)
            raise StaleError("unlinked: what was read before does not count any more")
        try:
            channels.delete(scope, facts.channel)
        except NotFoundError:
            raise
        except AwsError as error:
            self._refused(error)
        else:
            self.item.end(Outcome.DELETED, reason)

    def _mark(self, decision: Decision) -> None:
        """Mark the channel; one that cannot be marked is not deleted by a later run."""
        self.item.decision = decision
        try:
            marking.put(self.sweep.scope, self.item, decision)
        except NotFoundError:
            raise
        except AwsError as error:
            if error.transient:
                raise
            self.item.end(Outcome.FAILED, f"cannot be marked, so it is not deleted: {error}")

    def _refused(self, error: AwsError) -> None:
        """Make something of a delete's error; raises it where that is a failure."""
        self.sent = self.sent or error.sent
        if error.code == "VersionMismatchException":
            self.item.end(Outcome.CHANGED, "it changed after it was read")
        elif error.code == "ResourceInUseException" and self._being_deleted():
            self._end_gone("somebody else is deleting it")
        else:
            raise error

    def _being_deleted(self) -> bool:
        channel = channels.described(self.sweep.scope, self.item.channel.channel_arn)
        return channel.status == "DELETING"

    def _end_gone(self, why: str) -> None:
        if self.sent:
            self.item.end(Outcome.DELETED, self.item.decision.reason)
        else:
            self.item.end(Outcome.GONE, why)

    def _unlink(self, link: StorageLink) -> None:
        """Take the link off; it is put back if the delete does not follow."""
        scope, arn = self.sweep.scope, self.item.channel.channel_arn
        self._note("unlinking", storage=asdict(link))
        self.unlinked = link
        try:
            channels.set_storage_link(scope, arn, replace(link, status="DISABLED"))
        except AwsError as error:
            self.unlinked = link if error.sent else None
            if error.code == "ResourceInUseException":  # somebody changes or deletes it
                raise StaleError(str(error)) from error
            raise
        try:
            channel = channels.wait_until_active(scope, arn)
        except AwsError:
            raise
        except KvsopsError as error:  # this one's trouble alone: look at it once more
            raise StaleError(str(error)) from error
        self.item.facts = replace(self.item.facts, channel=channel)

    def _relink(self, link: StorageLink) -> None:
        try:
            channels.set_storage_link(self.sweep.scope, self.item.channel.channel_arn, link)
        except NotFoundError:
            self._end_gone("it was gone already")
        except AwsError as error:
            why = f"{self.item.reason}; it stays unlinked from {link.stream_arn}: {error}"
            self.item.end(Outcome.FAILED, why)
        else:
            self._note("relinked", storage=asdict(link))

    def _note(self, event: str, **more: object) -> None:
        scope, arn = self.sweep.scope, self.item.channel.channel_arn
        self.sweep.journal.write(event, scope.now(), arn, **more)


def settle(scope: Scope, items: Sequence[Item], seconds: float) -> None:
    """List again until the deleted channels are gone; say of each that is not, within the time."""
    waited = {item.channel.channel_arn: item for item in items if item.outcome is Outcome.DELETED}
    prefix = commonprefix([item.channel.channel_name for item in waited.values()])  # noqa: RUF071 - of characters is meant
    end = scope.clock() + seconds
    for pause in channels.polls():
        if not waited:
            return
        listed = channels.each_listed(scope, prefix or None)
        seen = {each.channel_arn: each.status for each in listed}
        waited = {arn: item for arn, item in waited.items() if arn in seen}
        if scope.clock() >= end:
            break
        scope.sleep(pause if waited else 0)
    for arn, item in waited.items():
        if seen[arn] == "DELETING":
            item.reason += f"; still DELETING after {seconds:.0f} s"
        else:
            item.end(Outcome.FAILED, f"still listed as {seen[arn]} after {seconds:.0f} s")


def _worth_trying_again(error: Exception) -> bool | float:
    """Say whether to try a deletion again: at once if only the facts were old, else backed off."""
    if isinstance(error, StaleError):
        return 0.0
    return isinstance(error, AwsError) and error.transient

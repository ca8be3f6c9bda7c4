"""One channel's deletion: judged once more on direct reads, then deleted.

A delete takes its turn in the quota before those reads, so that it follows them at once. It is
journalled before and after, carries the version that was judged, and is judged anew whenever it
is tried again. Only `kvsops.sweep.run`, which holds the plan and its fuse, begins one.
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Final

import stamina

from kvsops.aws import channels
from kvsops.aws.scope import ATTEMPTS
from kvsops.core.channel import StorageLink
from kvsops.core.facts import Fact, Facts
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.errors import AwsError, KvsopsError, NotFoundError
from kvsops.facts import gather
from kvsops.sweep import marks
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.journal import UnrestorableError

FRESH: Final = timedelta(seconds=2)
"""How long after a direct read the delete that rests on it may leave."""

DELETE: Final = "DeleteSignalingChannel"

LOST: Final = "it may be deleted, the answer was lost"


class Tried(Enum):
    """What came of one try."""

    ENDED = "ended"  # the item says what became of the channel
    AGAIN = "again"  # what was read does not count any more: read it anew, at once


@dataclass(slots=True)
class Deletion:
    """One channel's deletion, from its turn in the quota to its last line in the journal.

    Where the direct reads say that its policy's grace has yet to pass, it is marked instead; what
    was only to be marked is not deleted, for neither the fuse nor the limit has counted it.
    """

    course: Course
    item: Item
    tries: int = 0
    why_again: str = ""
    lost: str = ""  # why an earlier try may have been carried out: its answer was lost
    unlinked: StorageLink | None = None
    begun: bool = False  # a line in the journal says that the deletion begins

    def run(self) -> None:
        """Try until something has become of the channel; whatever happens, say what."""
        deadline = self.course.deadline
        left = deadline and max(deadline - self.course.scope.clock(), 0.001)
        tries = stamina.RetryingCaller(attempts=ATTEMPTS, timeout=left, wait_max=5, wait_jitter=0.5)
        try:
            tries.on(self._worth_trying_again)(self._try_until_ended)
        except AwsError as error:
            self._give_up(str(error))
        except KvsopsError as error:  # as bad for all the others
            self._give_up(str(error))
            self.course.end(str(error))
        except Exception as error:  # a defect of ours: what was begun has an end all the same
            self._give_up(f"a defect in kvsops: {error!r}")
            self.course.end(repr(error))
            raise
        finally:
            self._close()

    def _try_until_ended(self) -> None:
        while self._try() is Tried.AGAIN:
            if self.tries >= ATTEMPTS or self.course.late:
                self._give_up(self.why_again)
                return

    def _worth_trying_again(self, error: Exception) -> bool:
        """Whether to try again after a while, what was read and judged at once included."""
        return isinstance(error, AwsError) and error.transient and self.tries < ATTEMPTS

    def _try(self) -> Tried:
        self.course.scope.turn(DELETE)
        self.tries += 1
        try:
            if self.tries > 1 and self._ended_meanwhile():
                return Tried.ENDED
            return self._act(*self._judge_directly())
        except NotFoundError:
            self._end_gone("it was gone already")
            return Tried.ENDED

    def _again(self, why: str) -> Tried:
        self.why_again = why
        return Tried.AGAIN

    def _give_up(self, why: str) -> None:
        if self._cut_short:
            self._end(Outcome.LEFT, INTERRUPTED)
        else:
            self._end(Outcome.FAILED, why)

    def _end(self, outcome: Outcome, reason: str) -> None:
        """Note the end; of a channel that we may have deleted only that it was is certain."""
        self.item.lost = bool(self.lost) and outcome is not Outcome.DELETED
        if self.item.lost:
            then = "" if reason == self.lost else f"; then: {reason}"
            outcome, reason = Outcome.UNKNOWN, f"{LOST}: {self.lost}{then}"
        self.item.end(outcome, reason)

    def _close(self) -> None:
        """Put back what was taken off in vain, and write down the end of what was begun."""
        try:
            if self.unlinked and self.item.outcome not in (Outcome.DELETED, Outcome.GONE):
                self._relink(self.unlinked)
            if self.begun:
                self._note(self.item.outcome.value, reason=self.item.reason)
        except KvsopsError as error:
            self.course.end(str(error))

    @property
    def _cut_short(self) -> bool:
        """Whether nothing was done yet when Ctrl-C ended the reading."""
        return self.course.scope.patience.interrupted and not self.begun

    def _ended_meanwhile(self) -> bool:
        """Before another try, read the channel anew and say if there is nothing left to do."""
        channel = channels.described(self.course.scope, self.item.channel.channel_arn)
        if channel.status == "DELETING":
            self._end_gone("somebody else is deleting it")
        elif channel.version != self.item.channel.version:
            self._end(Outcome.CHANGED, "it changed after it was planned")
        else:
            self.item.facts = replace(self.item.facts, channel=channel)
            return False
        return True

    def _judge_directly(self) -> tuple[Facts, Decision]:
        """Read each fact that the judgement asks for, directly."""
        facts = self.course.fresh(self.item.facts)
        scope, rules = self.course.scope, self.course.rules
        while (decision := judge(facts, rules, scope.now(), direct=True)).need:
            facts = gather.direct(scope, facts, decision.need, span=rules.span)
        self.item.facts = facts
        return facts, decision

    def _act(self, facts: Facts, decision: Decision) -> Tried:
        """Do what the judgement says; every fact of it is confirmed."""
        self.item.decision = decision
        condemned = decision.verdict is Verdict.DELETE
        if condemned and self.item.outcome is not Outcome.WOULD_MARK:
            return self._delete(facts, decision.reason)
        if condemned:
            self._end(Outcome.LEFT, f"{decision.reason}; the next run deletes it")
        elif self.lost:
            self._end(Outcome.KEPT, decision.reason)
        elif decision.verdict is Verdict.MARK:
            self._mark(decision)
        elif decision.unknown and self._cut_short:
            self._end(Outcome.LEFT, INTERRUPTED)
        else:
            self.item.decide(decision)
        return Tried.ENDED

    def _delete(self, facts: Facts, reason: str) -> Tried:
        tags, storage = facts.tags, facts.storage
        if not isinstance(tags, Fact) or not isinstance(storage, Fact):  # the protections need both
            raise TypeError(facts)
        scope, now = self.course.scope, self.course.scope.now()
        if now - min(tags.read_at, storage.read_at) > FRESH:
            return self._again("what was read could not be acted on within 2 s")
        link = self.unlinked or storage.value
        try:
            self.course.journal.deleting(now, facts.channel, tags.value, link, reason)
        except UnrestorableError as error:
            self._end(Outcome.UNKNOWN, str(error))
            return Tried.ENDED
        self.begun = True
        if storage.value.linked:
            return self._unlink(storage.value)
        try:
            channels.delete(scope, facts.channel)
        except AwsError as error:
            self._refused(error)
        except KvsopsError:
            raise
        except Exception as error:  # of an answer that nobody could read
            self.lost = repr(error)
            raise
        else:
            self._end(Outcome.DELETED, reason)
        return Tried.ENDED

    def _mark(self, decision: Decision) -> None:
        """Mark the channel; one that cannot be marked is not deleted by a later run."""
        try:
            marks.put(self.course.scope, self.item, decision)
        except NotFoundError:
            raise
        except AwsError as error:
            self._end(Outcome.FAILED, f"cannot be marked, so it is not deleted: {error}")

    def _refused(self, error: AwsError) -> None:
        """Make something of a delete's error; raises it where that is a failure."""
        self.lost = self.lost or (str(error) if error.sent else "")
        if error.code == "VersionMismatchException":
            self._end(Outcome.CHANGED, "it changed after it was read")
        elif error.code == "ResourceInUseException" and self._being_deleted():
            self._end_gone("somebody else is deleting it")
        else:
            raise error

    def _being_deleted(self) -> bool:
        channel = channels.described(self.course.scope, self.item.channel.channel_arn)
        return channel.status == "DELETING"

    def _end_gone(self, why: str) -> None:
        if self.lost:
            self._end(Outcome.DELETED, self.item.decision.reason)
        else:
            self._end(Outcome.GONE, why)

    def _unlink(self, link: StorageLink) -> Tried:
        """Take the link off, then judge anew; it is put back if the delete does not follow."""
        scope, arn = self.course.scope, self.item.channel.channel_arn
        self._note("unlinking", storage=asdict(link))
        self.unlinked = link
        try:
            channels.set_storage_link(scope, arn, replace(link, status="DISABLED"))
        except AwsError as error:
            self.unlinked = link if error.sent else None
            if error.code == "ResourceInUseException":  # somebody changes or deletes it
                return self._again(str(error))
            raise
        try:
            channel = channels.wait_until_active(scope, arn)
        except KvsopsError as error:  # this one's trouble alone: look at it once more
            return self._again(str(error))
        self.item.facts = replace(self.item.facts, channel=channel)
        return self._again("unlinked: what was read before does not count any more")

    def _relink(self, link: StorageLink) -> None:
        try:
            channels.set_storage_link(self.course.scope, self.item.channel.channel_arn, link)
        except NotFoundError:
            self._end_gone("it was gone already")
        except AwsError as error:
            why = f"{self.item.reason}; it stays unlinked from {link.stream_arn}: {error}"
            self.item.end(Outcome.UNKNOWN if self.lost else Outcome.FAILED, why)
        else:
            self._note("relinked", storage=asdict(link))

    def _note(self, event: str, **more: object) -> None:
        scope, arn = self.course.scope, self.item.channel.channel_arn
        self.course.journal.write(event, scope.now(), arn, **more)

"""The plan carried out, many channels at once: each is deleted, marked or unmarked by itself."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from kvsops.aws.scope import WORKERS, Scope
from kvsops.core.facts import Need
from kvsops.errors import KvsopsError
from kvsops.facts import gather
from kvsops.output.console import Counter
from kvsops.sweep import marks
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.deletion import Deletion
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import leave


def rounds(planned: Sequence[Item], limit: int | None) -> Iterator[Sequence[Item]]:
    """Yield what is to be done together: under a limit as many at a time as it still allows.

    What the last look spares makes room for the next oldest.
    """
    if limit is None:
        yield planned
        return
    yield [item for item in planned if item.outcome is Outcome.WOULD_UNMARK]
    doomed = [item for item in planned if item.outcome is Outcome.WOULD_DELETE]
    marking = [item for item in planned if item.outcome is Outcome.WOULD_MARK]
    done = 0
    while doomed and done < limit:
        now, doomed = doomed[: limit - done], doomed[limit - done :]
        yield now
        done += sum(item.outcome is Outcome.DELETED or item.lost for item in now)
    leave(doomed, limit)
    yield marking


def carry_out(course: Course, planned: Sequence[Item], counter: Counter) -> None:
    """Do what is planned of each, as long as nothing ends the course; each says what became of it.

    A defect of ours is raised when all that has begun has ended.
    """
    try:
        with course.scope.patience.reading_until(course.deadline):
            _read_activity(course, planned, counter)
    except KeyboardInterrupt:
        course.end(INTERRUPTED)
    deleting = any(item.outcome is Outcome.WOULD_DELETE for item in planned)
    counter.stage("deleting" if deleting else "marking", len(planned))
    with ThreadPoolExecutor(WORKERS) as executor:
        waiting = deque(planned)
        begun: deque[Future[None]] = deque()
        while waiting or begun:
            try:
                while waiting and not course.stop.is_set():
                    begun.append(executor.submit(_carry_out_one, course, waiting[0]))
                    waiting.popleft()
                if not begun:
                    break
                begun[0].result()
                begun.popleft()
                counter.advance()
            except KeyboardInterrupt:
                course.end(INTERRUPTED)
            except Exception as error:  # a defect of ours: delete no more
                course.end(repr(error))
                raise


def _read_activity(course: Course, planned: Sequence[Item], counter: Counter) -> None:
    """Read all metrics at once that a judgement will rest on; they stay good for a while."""
    rules = course.rules
    if course.stop.is_set() or not rules.looks_at(Need.ACTIVITY):
        return
    judged = [item for item in planned if item.outcome is not Outcome.WOULD_UNMARK]
    items = [item for item in judged if course.fresh(item.facts).activity is None]
    wanted = [item.facts for item in items]
    read = gather.fetch(
        course.scope, Need.ACTIVITY, wanted, span=rules.span, directly=True, counter=counter
    )
    for item, facts in zip(items, read.facts, strict=True):
        item.facts = facts


def _carry_out_one(course: Course, item: Item) -> None:
    course.heed()
    if course.stop.is_set():
        item.end(Outcome.LEFT, course.why_stopped)
    elif item.outcome is Outcome.WOULD_UNMARK:
        _unmark(course.scope, item)
    else:
        Deletion(course, item).run()


def _unmark(scope: Scope, item: Item) -> None:
    try:
        marks.take_off(scope, item)
    except KvsopsError as error:
        item.end(Outcome.FAILED, f"its mark cannot be taken off: {error}")

"""A channel as a card: its state, its use, its cost, and what it carries."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from kvsops.bill.closeup import Closeup
from kvsops.core.channel import EXPIRES_AT_TAG
from kvsops.core.cost import Cost, Month
from kvsops.core.facts import Facts, Unknown
from kvsops.core.likeness import shown
from kvsops.core.mark import Mark
from kvsops.core.rules.activity import LEAST_IDLE, METRICS_REACH
from kvsops.core.text import age, moment, parsed_moment, spelled
from kvsops.output.card import Card, Field
from kvsops.output.figures import NOT_KNOWN, usd
from kvsops.output.screen import Outcome
from kvsops.output.text import count
from kvsops.reports.bill_said import PROJECTED

_PLACES: Final = 4


def card(
    facts: Facts, closeup: Closeup, *, place: str, now: datetime, verbose: bool = False
) -> Card:
    """Describe a channel to a person; `verbose` tells its version and ARN, too."""
    channel = facts.channel
    fields = [
        _state(channel.status),
        Field("age", [_age(channel.creation_time, now)]),
        Field("last used", [_last_used(facts, closeup, now)]),
        Field("connected", [_connected(closeup)]),
        Field("this month", _cost(closeup, Month.of(now))),
        *_of_tags(facts, now),
        Field("storage", [_storage(facts)]),
        Field("message TTL", [_seconds(channel.message_ttl_seconds)]),
    ]
    if verbose:
        fields += [
            Field("version", [channel.version or NOT_KNOWN]),
            Field("ARN", [channel.channel_arn]),
        ]
    return Card(f"{shown(channel.channel_name)} ({place})", fields)


def _state(status: str | None) -> Field:
    outcome = Outcome.GOOD if status == "ACTIVE" else Outcome.DOUBTFUL
    return Field("status", [status or NOT_KNOWN], outcome)


def _unknown(why: str) -> str:
    return f"{NOT_KNOWN}: {why}" if why else NOT_KNOWN


def _age(created: datetime | None, now: datetime) -> str:
    return NOT_KNOWN if created is None else f"{spelled(now - created)}, since {moment(created)}"


def _last_used(facts: Facts, closeup: Closeup, now: datetime) -> str:
    """Say the last day of use: daily metrics are kept longest."""
    if closeup.usage is None:
        return _unknown(closeup.why)
    last = closeup.usage.last_used
    if last is not None:
        days = (now.astimezone(UTC).date() - last).days
        ago = {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago")
        return f"{ago}, {last:%Y-%m-%d}"
    created = facts.channel.creation_time
    if created is not None and now - created < METRICS_REACH:
        return "never, as far as metrics tell"
    return f"not in the last {METRICS_REACH.days} days; older metrics are not kept"


def _connected(closeup: Closeup) -> str:
    """Say who may be connected: metrics tell when a connection began, and never that it ended."""
    if closeup.lately is None:
        return _unknown(closeup.why)
    begun = [count(number, role) for role, number in closeup.lately.items() if number]
    if not begun:
        return f"nobody, as far as metrics tell: no connection in the last {age(LEAST_IDLE)}"
    return f"{' and '.join(begun)} in the last {age(LEAST_IDLE)}, perhaps still"


def _cost(closeup: Closeup, month: Month) -> list[str]:
    cost = closeup.cost
    if cost is None:
        return [_unknown(closeup.why_no_cost)]
    if not cost.active:
        return [f"$0.00: nobody connected in {month}"]
    return [_money(cost), _use(cost)]


def _money(cost: Cost) -> str:
    to_date, whole = usd(cost.month_to_date, _PLACES), usd(cost.estimated_month, _PLACES)
    rests = f" ({PROJECTED[cost.projection]})" if cost.projection else ""
    return f"{to_date} to date, {whole} for the month{rests}"


def _use(cost: Cost) -> str:
    if cost.used is None:
        return NOT_KNOWN
    used = cost.used
    return (
        f"{count(used.connections, 'connection')}, {count(used.messages, 'message')}, "
        f"{count(used.turn_minutes, 'TURN minute')}"
    )


def _of_tags(facts: Facts, now: datetime) -> Iterator[Field]:
    """Tell the tags, and first what those of kvsops' own mean."""
    tags = facts.known_tags
    if tags is None:
        why = facts.tags.why if isinstance(facts.tags, Unknown) else ""
        yield Field("tags", [_unknown(why)])
        return
    expires_at = parsed_moment(tags.get(EXPIRES_AT_TAG, ""))
    if expires_at is not None:
        gone = expires_at <= now
        said = f"expired {spelled(now - expires_at)} ago" if gone else spelled(expires_at - now)
        yield Field("expires", [said if gone else f"in {said}"], Outcome.DOUBTFUL if gone else None)
    if mark := Mark.read(tags):
        when = f"{spelled(now - mark.time)} ago, by policy {mark.policy}"
        yield Field("marked", [f"for deletion {when}"], Outcome.DOUBTFUL)
    lines = [f"{shown(key)}={tags[key]}" if tags[key] else shown(key) for key in sorted(tags)]
    yield Field("tags", lines or ["none"])


def _storage(facts: Facts) -> str:
    link = facts.storage_link
    if link is None:
        return _unknown(facts.storage.why if isinstance(facts.storage, Unknown) else "")
    if not link.stream_arn:
        return "none" if not link.linked else link.status
    stream = link.stream_arn.rpartition(":stream/")[2]
    return f"{link.status}, stream {stream}"


def _seconds(seconds: int | None) -> str:
    return NOT_KNOWN if seconds is None else count(seconds, "second")

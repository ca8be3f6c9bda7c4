"""The service's time, as its answers tell it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from botocore import exceptions as botocore_errors

from kvsops.aws.answers import UnreadableAnswerError
from kvsops.core.text import age

TOLERANCE: Final = timedelta(seconds=3)
"""A difference of the clocks that is not worth speaking of: answers take their time too."""
SIGNATURES_LIVE: Final = timedelta(minutes=5)
"""AWS refuses a request that was signed at a time further off its own.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html
"""


def machine_now() -> datetime:
    """Return this machine's time of day."""
    return datetime.now(UTC)


class ServiceClock:
    """How far the service's clock is ahead of this machine's, by accepted answers alone.

    Any thread may ask.
    """

    def __init__(self, own_now: Callable[[], datetime]) -> None:
        self.own_now = own_now
        self._ahead = timedelta()

    def earlier(self) -> datetime:
        """Return the earlier of the two clocks: by it nothing is older or later than it is."""
        return self.own_now() + min(self._ahead, timedelta())

    def service(self) -> datetime:
        """Return the service's time: what is signed, and what is promised to others, goes by it."""
        return self.own_now() + self._ahead

    def learn(self, metadata: Mapping[str, Any], sent_at: datetime) -> None:
        """Learn from an accepted answer, which was made between the sending and now.

        One that was long on its way does not set the clock back: what was read before it would
        seem fresh. Its Date has whole seconds. Raises `UnreadableAnswerError` for a Date with
        which the request would not have been accepted: the service did not make that answer.
        """
        answered_at = _date(metadata)
        if answered_at is None:
            return
        least, most = answered_at - self.own_now(), answered_at - sent_at
        if least > SIGNATURES_LIVE or most < -SIGNATURES_LIVE:
            off = f"{age(max(least, -most))} {'ahead of' if least > timedelta() else 'behind'}"
            what = f"an answer dated {off} this machine's clock, where AWS takes no request"
            raise UnreadableAnswerError(f"{what} that is more than {age(SIGNATURES_LIVE)} off")
        if not least - TOLERANCE <= self._ahead <= most + TOLERANCE:
            self._ahead = least  # the tolerance, or it would jump to and fro

    def ahead_by(self, error: Exception) -> timedelta:
        """Return how far a refusal's clock is ahead of this machine's: to be told, not trusted."""
        if not isinstance(error, botocore_errors.ClientError):
            return timedelta()
        answered_at = _date(error.response.get("ResponseMetadata", {}))
        return timedelta() if answered_at is None else answered_at - self.own_now()


def _date(metadata: Mapping[str, Any]) -> datetime | None:
    """Return an answer's Date; None where it is missing, unreadable, or without a time zone."""
    try:
        date = parsedate_to_datetime(metadata.get("HTTPHeaders", {}).get("date"))
    except (TypeError, ValueError):
        return None
    return date if date.tzinfo else None

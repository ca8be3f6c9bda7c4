"""Telling people who are not there what a run came to: the options, and the sending."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import section
from kvsops.cli.options import Text, typed
from kvsops.cli.where import Where
from kvsops.errors import KvsopsError

if TYPE_CHECKING:
    from kvsops.aws.notice import Topic
    from kvsops.output.digest import Digest
    from kvsops.output.webhook import Webhook

Function = TypeVar("Function", bound=Callable[..., Any])


def _topic(text: str) -> "Topic":
    from kvsops.aws.notice import Topic

    return Topic.parse(text)


def _webhook(text: str) -> "Webhook":
    from kvsops.output.webhook import Webhook

    return Webhook.find(text, os.environ)


@dataclass(slots=True)
class Notice:
    """What is told of a run, and to whom.

    `about` makes it, by the run's exit code, as soon as there is something to tell; a run that
    ends with an error before that is told by the error.
    """

    where: Where
    topic: "Topic | None"
    webhook: "Webhook | None"
    failures_alone: bool
    about: "Callable[[int], Digest] | None" = None

    def send(self, code: int, error: str = "") -> None:
        """Tell how the run ended; what cannot be delivered is a warning, and no more."""
        if not (self.topic or self.webhook) or (self.failures_alone and code == 0):
            return
        if digest := self._digest(code, error):
            for deliver in (self._publish, self._post):
                self._try(deliver, digest, code)

    def _digest(self, code: int, error: str) -> "Digest | None":
        from kvsops.output.digest import Digest
        from kvsops.output.screen import Outcome

        if self.about is None:
            return Digest(Outcome.BAD, typed(), error) if error else None
        digest = self.about(code)
        missing = error and error not in digest.why
        return replace(digest, why=[error, *digest.why]) if missing else digest

    def _try(self, deliver: "Callable[[Digest, int], None]", digest: "Digest", code: int) -> None:
        from kvsops.output.console import Console

        try:
            deliver(digest, code)
        except KvsopsError as error:
            Console().warn(f"the notice was not delivered: {error}")

    def _publish(self, digest: "Digest", code: int) -> None:
        if self.topic is None:
            return
        from kvsops.aws.notice import SUBJECT_CHARACTERS, publish
        from kvsops.aws.quotas import SNS
        from kvsops.output.notice import message, subject

        own = self.where  # who runs it publishes, whatever roles it sweeps by
        there = Where(own.profile, self.topic.region, own.endpoint_url, own.quota_share)
        scope = there.open(read_only=False, service=SNS)
        publish(scope, self.topic, subject(digest, code, SUBJECT_CHARACTERS), message(digest, code))

    def _post(self, digest: "Digest", code: int) -> None:
        from kvsops.output.notice import message

        if self.webhook:
            self.webhook.post(message(digest, code))


def notify_options(function: Function) -> Function:
    """Add the options of notices; the function gets a `notice`, and tells it what it is about.

    It stands below `scope_options`, whose `where` it needs.
    """

    @section("Output")
    @click.option(
        "--notify-sns",
        type=Text("arn", _topic),
        metavar="ARN",
        help="Publish the summary to this Amazon SNS topic.",
    )
    @click.option(
        "--notify-webhook",
        type=Text("source", _webhook),
        metavar="env:NAME|file:PATH",
        help="Post the summary, as Slack takes it, to the URL in this variable or file.",
    )
    @click.option(
        "--notify-on",
        type=Choice(["always", "failure"]),
        default="always",
        show_default=True,
        help="failure: only where the exit code is not 0.",
    )
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        notify_sns: "Topic | None",
        notify_webhook: "Webhook | None",
        notify_on: str,
        where: Where,
        **given: Any,
    ) -> Any:
        notice = Notice(where, notify_sns, notify_webhook, notify_on == "failure")
        try:
            return function(*args, notice=notice, where=where, **given)
        except (click.exceptions.Exit, KeyboardInterrupt, Exception) as ending:
            notice.send(*_told(ending))
            raise

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


def _told(ending: BaseException) -> tuple[int, str]:
    """Return the exit code that a command's ending comes to, and what it says, if anything."""
    from kvsops.cli.main import doubted

    if isinstance(ending, click.exceptions.Exit):
        doubt = doubted(click.get_current_context())
        return ending.exit_code or int(bool(doubt)), doubt
    if isinstance(ending, KeyboardInterrupt):
        return 130, "interrupted"
    if isinstance(ending, KvsopsError):
        return ending.exit_code, str(ending)
    return 1, f"a defect in kvsops: {type(ending).__name__}: {ending}"

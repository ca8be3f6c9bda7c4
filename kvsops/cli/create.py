"""`kvsops create`."""

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import (
    DURATION,
    MESSAGE_TTL,
    NAME,
    OUTPUTS,
    TAG,
    Text,
    output_options,
    scope_options,
    screen,
)
from kvsops.cli.owner import default_owner
from kvsops.cli.tags import tags_by_key
from kvsops.cli.where import Where
from kvsops.core.channel import EXPIRES_AT_TAG, OWNER_TAG, TAGS_MAXIMUM, checked_tag
from kvsops.errors import AwsError, KvsopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from kvsops.aws.scope import Scope
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console
    from kvsops.output.rows import Output

Arns = Literal["arn"]


def _owner(text: str) -> str:
    """Read the owner tag's value; raises `UsageError` where none can be."""
    if not text:
        raise UsageError("it is empty: give its value, or leave it out")
    return checked_tag(f"{OWNER_TAG}={text}")[1]


@click.command(
    cls=Command,
    epilog="A channel costs nothing until something connects to it, and then a whole month's fee: "
    "to run the same test again, reuse its channel (--exist-ok) rather than make another.",
)
@click.argument("names", nargs=-1, type=NAME, metavar="[NAME]...")
@section("The channel")
@click.option("--tag", "tags", type=TAG, multiple=True, metavar="KEY=VALUE", help="Set this tag.")
@click.option(
    "--ttl",
    type=DURATION,
    metavar="DURATION",
    help=f"How long it is needed: sets {EXPIRES_AT_TAG} for kvsops sweep --expired.",
)
@click.option(
    "--owner",
    type=Text("text", _owner),
    metavar="TEXT",
    help=f"Who is responsible for it: sets {OWNER_TAG}.  [default: the CI job, or USER@HOST]",
)
@click.option(
    "--message-ttl",
    type=MESSAGE_TTL,
    metavar="SECONDS",
    help="How long undelivered messages are kept, 5 to 120.  [default: the service's, 60]",
)
@click.option("--exist-ok", is_flag=True, help="If the channel exists, use it as it is.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the channel to be ACTIVE.")
@output_options(default="arn", choices=("arn", *OUTPUTS))
@scope_options
def create(
    *,
    where: Where,
    names: tuple[str, ...],
    tags: tuple[tuple[str, str], ...],
    ttl: timedelta | None,
    owner: str | None,
    message_ttl: int | None,
    exist_ok: bool,
    no_wait: bool,
    output: "Output | Arns",
    query: str | None,
) -> None:
    """Create signaling channels and print their ARNs.

    \b
    Examples:
      kvsops create
      kvsops create cam-door cam-yard --tag site=berlin
      kvsops create ci-e2e --ttl 2h --exist-ok
      ARN=$(kvsops create --ttl 30m)

    Without a NAME, a unique one is chosen.
    """
    from kvsops.output.console import Console

    given = tags_by_key(tags)
    if owner is not None and given.get(OWNER_TAG, owner) != owner:
        raise UsageError(f"--owner and --tag both set {OWNER_TAG}: drop one")
    scope, console = where.open(), Console()
    all_tags = _tags(given, owner or default_owner(os.environ), ttl, scope.service_now())
    wanted = Wanted(all_tags, message_ttl, exist_ok=exist_ok, wait=not no_wait)
    unique = dict.fromkeys(names or [f"kvsops-{secrets.token_hex(5)}"])
    if query is not None:  # one that does not fit is refused before anything is made
        _text(scope, [wanted.expected(name, scope.now()) for name in unique], output, query)
    results, interruption = _results(scope, partial(_made, scope, wanted), unique)
    failed = _tell(results, wanted, console, lambda made: _text(scope, made, output, query))
    if interruption:
        raise interruption
    click.get_current_context().exit(1 if failed else 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What channels are to be like, and whether one that exists is as good."""

    tags: dict[str, str]
    message_ttl: int | None
    exist_ok: bool
    wait: bool

    def expected(self, name: str, now: "datetime") -> "Facts":
        """Return about what will be known of the channel once it is made."""
        from kvsops.core.channel import Channel
        from kvsops.core.facts import Fact, Facts, Source

        ttl = self.message_ttl or 60
        channel = Channel(name, "arn:", "ACTIVE", now, "", message_ttl_seconds=ttl)
        return Facts(channel, Fact(self.tags, Source.DIRECT, now))


def _tell(
    results: "list[Facts | KvsopsError]",
    wanted: Wanted,
    console: "Console",
    text: "Callable[[list[Facts]], str]",
) -> bool:
    """Print what was made; return whether anything was not. If all is wrong usage, raise it."""
    made = [each for each in results if not isinstance(each, KvsopsError)]
    errors = [each for each in results if isinstance(each, KvsopsError)]
    if errors and all(isinstance(each, UsageError) for each in results):
        raise errors[0]  # nothing was made
    for facts in made:
        if facts.tag_values != wanted.tags:
            name = facts.channel.channel_name
            console.note(f"{name} existed: its tags and message TTL are left as they are")
    click.echo(text(made), nl=False)
    for error in dict.fromkeys(map(str, errors)):
        console.error(error)
    return bool(errors)


def _results(
    scope: "Scope", make: "Callable[[str], Facts | KvsopsError]", names: "Iterable[str]"
) -> "tuple[list[Facts | KvsopsError], KeyboardInterrupt | None]":
    """Make the channels; where Ctrl-C comes between, return those made by then, and it."""
    ended: dict[str, Facts | KvsopsError] = {}

    def note(name: str) -> None:
        ended[name] = make(name)

    interruption = None
    try:
        for _ in scope.in_parallel(note, names):
            pass
    except KeyboardInterrupt as came:
        interruption = came
    return [ended[name] for name in names if name in ended], interruption


def _tags(
    tags: dict[str, str], owner: str, ttl: timedelta | None, now: "datetime"
) -> dict[str, str]:
    """Return all tags to set; raises `UsageError` for two TTLs, or for too many."""
    from kvsops.core.text import moment

    if ttl is not None:
        if EXPIRES_AT_TAG in tags:
            raise UsageError(f"--ttl and --tag both set {EXPIRES_AT_TAG}: drop one")
        tags[EXPIRES_AT_TAG] = moment(now + ttl)
    tags.setdefault(OWNER_TAG, owner)
    if len(tags) > TAGS_MAXIMUM:
        raise UsageError(f"{len(tags)} tags with {OWNER_TAG}: a channel has at most {TAGS_MAXIMUM}")
    return tags


def _made(scope: "Scope", wanted: Wanted, name: str) -> "Facts | KvsopsError":
    """Make the channel, or take the one that exists; return what is known of it, or the error."""
    from kvsops.aws import channels
    from kvsops.core.facts import Fact, Facts, Source

    made, tags = "", wanted.tags
    try:
        try:
            target = channels.create(scope, name, tags, wanted.message_ttl)
            made = f"{name} was made, but: "
        except AwsError as error:
            if error.code != "ResourceInUseException":
                raise
            if not wanted.exist_ok:
                return KvsopsError(f"{name} exists already: --exist-ok takes it as it is")
            target = channels.described(scope, name).channel_arn
            tags = channels.tags_of(scope, target)
        look = channels.wait_until_active if wanted.wait else channels.described
        return Facts(look(scope, target), Fact(tags, Source.DIRECT, scope.now()))
    except KvsopsError as error:
        return KvsopsError(f"{made}{error}") if made else error


def _text(scope: "Scope", made: "list[Facts]", output: "Output | Arns", query: str | None) -> str:
    """Make the text for standard output: bare ARNs, unless a form was asked for."""
    from kvsops.output.rows import render
    from kvsops.output.text import safe
    from kvsops.reports.columns import channel_columns

    if output == "arn":
        return "".join(f"{safe(facts.channel.channel_arn)}\n" for facts in made)
    columns = channel_columns(scope.now(), tags=True, verbose=True)
    return render(made, columns, output, query, "None was made.", screen=screen(), noun="channel")

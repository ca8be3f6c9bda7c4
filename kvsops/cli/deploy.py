"""`kvsops deploy`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import DURATION, Text, refuse
from kvsops.cli.places import all_regions_options, of_organization_options
from kvsops.cli.values import ACCOUNT
from kvsops.errors import UsageError
from kvsops.fleet.deploy import schedule as schedules
from kvsops.sweep.fuse import Fuse
from kvsops.sweep.policy import FILE_NAME

if TYPE_CHECKING:
    from datetime import timedelta

    from kvsops.aws.notice import Topic
    from kvsops.fleet.deploy.settings import Settings

_LONGEST_ROLE: Final = 48  # characters that leave room for "-delete-function" in IAM's 64


_PLACES: Final = (
    "regions",
    "all_regions",
    "exclude_regions",
    "accounts",
    "exclude_accounts",
    "ous",
)
"""The options that say where to look."""


def _role(text: str) -> str:
    """Read the name that the roles' begin with; raises `UsageError`."""
    from kvsops.core.account import checked_role_name

    if "/" in text or len(text) > _LONGEST_ROLE:
        said = f"no path, and at most {_LONGEST_ROLE} characters: the roles add theirs"
        raise UsageError(f"not a name for the roles: {text!r}: {said}")
    return checked_role_name(text)


def _topic(text: str) -> "Topic":
    from kvsops.aws.notice import Topic

    return Topic.parse(text)


@click.command(
    cls=Command,
    epilog="Nothing is deployed, and nothing is asked of AWS: the template goes to standard "
    "output, and the docs say how to go on (docs/how-to/deploy.md). The functions run this same "
    "code: the fuses, the last look before each deletion and the journals hold as they do here.",
)
@section("What it sweeps")
@click.option(
    "--policy",
    type=click.Path(dir_okay=False, path_type=Path),
    default=FILE_NAME,
    show_default=True,
    metavar="FILE",
    help="The policies; they are put into the stack.",
)
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Repeat it for more.")
@all_regions_options
@of_organization_options
@section("Safety")
@click.option(
    "--yes", is_flag=True, help="A stack that deletes. Without it, one that has no right to."
)
@click.option(
    "--max-deletes",
    type=Text("n|n%", Fuse.parse),
    metavar="N|N%",
    help="Fuse of each account and region.  [default: the policy file's, or 100]",
)
@click.option(
    "--max-deletes-total",
    type=Text("n|n%", lambda text: Fuse.parse(text, "--max-deletes-total")),
    default="1000",
    show_default=True,
    metavar="N|N%",
    help="Fuse of the whole run: if more would be deleted, delete none.",
)
@section("The stack")
@click.option(
    "--schedule",
    type=Text("rate(…)|cron(…)", schedules.checked),
    default="rate(1 day)",
    show_default=True,
    metavar="EXPRESSION",
    help="When it runs, in UTC, as in cron(0 3 ? * MON-FRI *).",
)
@click.option(
    "--alarm-after",
    type=DURATION,
    metavar="DURATION",
    help="Alarm if no run came to its end for so long.  [default: the schedule's longest wait, "
    "and an hour]",
)
@click.option(
    "--organization-role",
    "role",
    type=Text("name", _role),
    default="kvsops-sweep",
    show_default=True,
    metavar="NAME",
    help="What the names of roles and functions begin with.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    metavar="N",
    help="Accounts and regions where it deletes at once.",
)
@click.option("--code-bucket", metavar="BUCKET", help="Where the functions' package is.")
@click.option("--code-key", metavar="KEY", help="The package's key in it.")
@click.option("--email", metavar="ADDRESS", help="Mail what failed, by a new topic.")
@click.option(
    "--notify-sns",
    "topic",
    type=Text("arn", _topic),
    metavar="ARN",
    help="Publish it to this topic instead.",
)
@section("The other accounts")
@click.option(
    "--member-role", is_flag=True, help="Write the template of their roles, for a StackSet."
)
@click.option(
    "--hub-account",
    type=ACCOUNT,
    metavar="ID",
    help="With --member-role: the account that the sweep runs in.",
)
@section("Other")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def deploy(ctx: click.Context, /, *, debug: bool, **given: Any) -> None:
    """Write a CloudFormation template that sweeps a whole organization on a schedule.

    \b
    Examples:
      kvsops deploy --all-regions > hub.json         # one that deletes nothing
      kvsops deploy --all-regions --yes > hub.json
      kvsops deploy --member-role --hub-account 123456789012 > member.json
      kvsops deploy --region us-east-1 --schedule 'cron(0 3 ? * MON-FRI *)'

    EventBridge Scheduler starts a Step Functions state machine. Its first step lists accounts and
    regions; a Distributed Map plans each by a role that can only read; a step holds the total
    fuse; with --yes, a second map deletes. Results and journals go to a bucket, and what failed to
    an SNS topic.
    """
    from kvsops.cli.main import DEBUG

    ctx.meta[DEBUG] = debug
    refuse(_objection(given))
    settings = _settings(given)
    text = _members(ctx, settings, given) if given["member_role"] else _hub(settings, given)
    click.echo(text, nl=False)


def _objection(given: dict[str, Any]) -> str | None:
    """Say what is missing, or contradicts itself, if anything."""
    from kvsops.fleet.asked import Asked

    member, hub = given["member_role"], given["hub_account"]
    where = given["regions"] or given["all_regions"]
    rules = (
        (member and not hub, "--member-role: give --hub-account, the account it is to trust"),
        (hub and not member, "--hub-account is for the other accounts: add --member-role"),
        (not (member or where), "in which regions? give --region or --all-regions"),
        (given["email"] and given["topic"], "--email or --notify-sns, not both"),
        (
            given["email"] and not _is_address(given["email"]),
            f"not an address to mail to: {given['email']!r}",
        ),
    )
    asked = Asked(organization_role=given["role"], **{name: given[name] for name in _PLACES})
    return next((said for wrong, said in rules if wrong), asked.objection)


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at and "." in host and text.isprintable() and " " not in text)


def _settings(given: dict[str, Any]) -> "Settings":
    """Return what the run goes by; raises `UsageError` for a policy file that is none."""
    from kvsops.fleet.deploy.settings import Settings
    from kvsops.sweep.policy import load

    policy: Path = given["policy"]
    load(policy)
    _check_regions((*given["regions"], *given["exclude_regions"]))
    return Settings(
        policy=policy.read_text("utf-8-sig"),
        deletes=given["yes"],
        max_deletes=given["max_deletes"] and given["max_deletes"].text,
        max_deletes_total=given["max_deletes_total"].text,
        role=given["role"],
        **{name: given[name] for name in _PLACES},
    )


def _check_regions(regions: tuple[str, ...]) -> None:
    """Raise `UsageError` for one that is none, or is in another partition than the first."""
    from kvsops.aws.session import partitions_of

    partitions = partitions_of(regions)
    for region, found in partitions.items():
        if found != (first := partitions[regions[0]]):
            raise UsageError(
                f"{region} is in the partition {found}, {regions[0]} in {first}: a stack each"
            )


def _hub(settings: "Settings", given: dict[str, Any]) -> str:
    from kvsops.fleet.deploy import template
    from kvsops.output.console import Console

    topic = given["topic"]
    stack = template.Stack(
        settings=settings,
        schedule=given["schedule"],
        alarm_after=_alarm_after(given),
        deleting_at_once=given["concurrency"],
        code_bucket=given["code_bucket"],
        code_key=given["code_key"],
        email=given["email"],
        topic=topic and topic.arn,
    )
    text = template.written(template.hub(stack))
    if (size := len(text.encode())) > template.LARGEST:
        most = f"{template.LARGEST:,} bytes, and with {given['policy']} it has {size:,}"
        raise UsageError(f"the template may have {most}: shorten its policies and comments")
    if not settings.deletes:
        Console().note("without --yes: this stack tells what it would delete, and deletes nothing")
    return text


def _alarm_after(given: dict[str, Any]) -> "timedelta | None":
    """Return after how long without a run the alarm goes off; None, which is told, for none."""
    from kvsops.fleet.deploy.template import LONGEST_ALARM
    from kvsops.output.console import Console

    asked = given["alarm_after"]
    refuse("--alarm-after: at most 7d" if asked and asked > LONGEST_ALARM else None)
    alarm = asked or schedules.alarm_after(given["schedule"])
    if alarm is None:
        said = "if a run is due every 7 days or more often, give --alarm-after"
        Console().warn(f"the stack has no alarm for a run that is missing: {said}")
    elif alarm > LONGEST_ALARM:
        Console().warn("no alarm can wait that long for a run: the stack has none")
        return None
    return alarm


def _members(ctx: click.Context, settings: "Settings", given: dict[str, Any]) -> str:
    from kvsops.aws.iam import document
    from kvsops.cli.iam import granted
    from kvsops.fleet.deploy import roles, template

    line = ["sweep", "--policy", str(given["policy"])]
    reading = document(granted(ctx, line))
    deleting = document(granted(ctx, [*line, "--yes"])) if settings.deletes else None
    return template.written(roles.members(settings, given["hub_account"], reading, deleting))

"""`kvsops iam`."""

import copy
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.main import ALIASES, COMMANDS, cli
from kvsops.cli.options import refuse
from kvsops.cli.values import ACCOUNT, Text
from kvsops.core.account import RoleArn, checked_principal
from kvsops.core.channel import ChannelArn
from kvsops.core.likeness import suggestion
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.aws.iam import Grant

WHOSE: Final = ("caller", "role", "trust")
Line = tuple[str, dict[str, Any] | None]
"""A command's name, and its parameters by click's names; None for all that it can be given."""


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    epilog="Listings, the tag index, metrics and prices can only be allowed for all resources. The "
    "condition on tags (aws:ResourceTag) is the one AWS documents for each operation on a channel; "
    "whether it holds for a tag that was set a moment ago is not documented.",
)
@click.argument("lines", nargs=-1, metavar='["COMMAND OPTIONS"]...')
@section("Which channels")
@click.option("--region", metavar="REGION", help="Only this region's channels.  [default: any]")
@click.option(
    "--account",
    type=ACCOUNT,
    metavar="ID",
    help="Only this account's channels.  [default: any]",
)
@section("Roles")
@click.option(
    "--for",
    "whose",
    type=Choice(WHOSE),
    help="Where command lines assume roles: the policy of whoever runs them, that of the role, or "
    "whom the role trusts.  [default: caller]",
)
@click.option(
    "--caller",
    type=Text("id|arn", checked_principal),
    metavar="ID|ARN",
    help="With --for trust: the account, user or role that may assume the role.",
)
@click.pass_context
def iam(
    ctx: click.Context,
    /,
    *,
    lines: tuple[str, ...],
    region: str | None,
    account: str | None,
    whose: str | None,
    caller: str | None,
) -> None:
    """Print the least IAM policy that lets the given commands do their work.

    \b
    Examples:
      kvsops iam list describe
      kvsops iam "sweep --expired --prefix ci- --yes"
      kvsops iam "sweep --older-than 1d --tag env=ci --yes" "list --cost"
      kvsops iam list describe --region eu-west-1
      kvsops iam > policy.json
      kvsops iam "list --organization-role ops --all-regions"
      kvsops iam "list --organization-role ops --all-regions" --for role
      kvsops iam "list --organization-role ops" --for trust --caller 123456789012

    Each argument is a command line as it will be run, in quotes if it is more than a name. The
    policy allows no more than that command line does: without --yes, nothing that deletes. Names,
    ARNs, --prefix, --region and --expect-account narrow the channels, and a sweep's --tag narrows
    what may be done to them. A sweep without a condition uses its policy file as it is now.
    Without an argument, the policy covers all commands with all their options, but for roles,
    organizations and notices, which only a command line names.
    """
    from kvsops.aws import iam as policies
    from kvsops.cli.permissions import CALLS
    from kvsops.output.console import Console
    from kvsops.output.rows import dumps

    parsed = [*_parsed(ctx, lines)] if lines else [*_everything()]
    assuming = [given for _, given in parsed if given and _assumes(given)]
    refuse(_contradiction(whose, caller, assumes=bool(assuming)))
    if whose == "trust":
        click.echo(dumps(_trust(assuming, caller)), nl=False)
        return
    wanted: set[Grant] = set()
    for name, given in parsed:
        wanted |= _grants(name, given, region, account, of_role=whose == "role")
        if CALLS[name] and given and given.get("yes") is False:  # None: it has no such option
            Console().note(f"{name} without --yes changes nothing: its writes are left out")
    if assuming and whose is None:
        Console().note("this is the policy of the caller: --for role prints that of the role")
    if not wanted:
        Console().note("nothing needs to be allowed: this calls nothing that AWS asks leave for")
        return
    text = dumps(policies.document(wanted))
    click.echo(text, nl=False)
    if policies.size(text) > policies.LARGEST:
        Console().warn(f"a managed policy may have {policies.LARGEST:,} characters: this has more")


def granted(ctx: click.Context, words: list[str]) -> "set[Grant]":
    """Return what one command line needs, in any account and region."""
    ((name, given),) = _parsed(ctx, (shlex.join(words),))
    return _grants(name, given, None, None, of_role=True)


def _everything() -> Iterator[Line]:
    return ((name, None) for name in COMMANDS)


def _parsed(ctx: click.Context, lines: tuple[str, ...]) -> Iterator[Line]:
    for line in lines:
        if line.startswith("-"):
            said = f"{line}: write a command with its options as one argument, in quotes"
            raise UsageError(f'{said}: kvsops iam "sweep --prefix ci- --yes"')
        name, *arguments = _words(line)
        name = ALIASES.get(name, name)
        yield name, _parameters(ctx, name, arguments)


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"not a command line: {line!r}: {str(error).lower()}") from error
    words = words[1:] if words[:1] == ["kvsops"] else words
    if not words:
        raise UsageError(f"not a command line: {line!r}: it names no command")
    return words


def _parameters(ctx: click.Context, name: str, arguments: list[str]) -> dict[str, Any]:
    """Read a command's arguments as the command would, but let it lack any of them."""
    root = ctx.find_root()
    command = cli.get_command(root, name)
    if command is None:
        known = f"there are {', '.join(COMMANDS)}; one with arguments goes in quotes: "
        near = suggestion(name, COMMANDS, f'{known}kvsops iam "sweep --yes"')
        raise UsageError(f"no such command: {name!r}: {near}")
    if isinstance(command, click.Group):  # its subcommands call nothing
        return {}
    lenient = copy.copy(command)
    lenient.add_help_option = False
    lenient.params = [copy.copy(each) for each in command.params]
    for each in lenient.params:
        each.required = False
    return lenient.make_context(name, arguments, parent=root).params


def _grants(
    name: str,
    given: dict[str, Any] | None,
    region: str | None,
    account: str | None,
    *,
    of_role: bool,
) -> "set[Grant]":
    """Return what one command line needs, or with None all that the command may ever need.

    A role that it assumes needs what is done by it; the caller the rest, and in an organization,
    where its own account is looked at by its own credentials, that as well.
    """
    from kvsops.aws.iam import granted_on, grants
    from kvsops.cli.permissions import CALLS, meant, names_of

    if given is None:
        anywhere = [_arn("*", region, account)]
        known = [call.operation for call in CALLS[name] if call.of is None]
        return set().union(*(grants(each, anywhere) for each in known))
    places = _places(given, region, account)
    wanted = set() if of_role else _to_find_places(given)
    by_role = of_role or not given.get("role_arns")
    for options in meant(name, given):
        names = names_of(name, options)
        arns = [_arn(each, *place) for each in names for place in places]
        for call in CALLS[name]:
            if call.of and not of_role and call.when(options):
                wanted |= granted_on(call.operation, call.of(options))
            elif call.of is None and by_role and call.when(options):
                narrowed = call.tagged and not options["explain"]  # that may be any channel
                wanted |= grants(call.operation, arns, options["tag"] if narrowed else ())
    return wanted


def _assumes(given: dict[str, Any]) -> bool:
    """Whether a command line assumes roles."""
    return bool(given.get("role_arns") or given.get("organization_role"))


def _contradiction(whose: str | None, caller: str | None, *, assumes: bool) -> str | None:
    if whose in ("role", "trust") and not assumes:
        return (
            f"--for {whose}: no command line assumes a role: add --organization-role or --role-arn"
        )
    if caller and whose != "trust":
        return "--caller says whom the role trusts: add --for trust"
    if whose == "trust" and not caller:
        return "--for trust: say who may assume the role: --caller ID, or the ARN of a user or role"
    return None


def _trust(lines: list[dict[str, Any]], caller: str | None) -> dict[str, Any]:
    """Return whom the role trusts: the caller, by the external ID if the lines give one."""
    from kvsops.aws.iam import trust

    external_ids = {given.get("external_id") for given in lines}
    if len(external_ids) > 1:
        raise UsageError("--for trust: the command lines give more than one --external-id")
    return trust(str(caller), _partition(lines[0]), next(iter(external_ids)))


def _places(
    given: dict[str, Any], region: str | None, account: str | None
) -> list[tuple[str | None, str | None]]:
    """Return the regions and accounts that a command line is about; None is any."""
    asked = given.get("exclude_regions") or given.get("all_regions")
    regions = given.get("regions") or (given.get("region") or (None if asked else region),)
    named = [RoleArn.parse(arn).account_id for arn in given.get("role_arns", ())]
    accounts = given.get("accounts") or named or given.get("expect_accounts") or (account,)
    return [(each, account_id) for account_id in accounts for each in regions]


def _to_find_places(given: dict[str, Any]) -> "set[Grant]":
    """Return what is needed to find out where to look, and to get there."""
    from kvsops.aws.iam import grants
    from kvsops.cli.permissions import TO_FIND_PLACES

    roles = [*given.get("role_arns", ())]
    if name := given.get("organization_role"):
        accounts = given["accounts"] or ("*",)
        roles += [f"arn:{_partition(given)}:iam::{each}:role/{name}" for each in accounts]
    found = (grants(each.operation, roles) for each in TO_FIND_PLACES if each.when(given))
    return set().union(*found)


def _partition(given: dict[str, Any]) -> str:
    from kvsops.aws.session import partition_of

    regions = given["regions"]
    return partition_of(regions[0]) if regions else "aws"


def _arn(name: str, region: str | None, account: str | None) -> str:
    """Return the ARN of every channel of that name, or the very one that was given."""
    from kvsops.aws.session import partition_of

    if name.startswith("arn:"):
        return str(ChannelArn.parse(name))
    partition = partition_of(region) if region else "aws"
    return f"arn:{partition}:kinesisvideo:{region or '*'}:{account or '*'}:channel/{name}/*"

"""The options that say in which accounts and regions to look, be it one or many."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.help import section
from kvsops.cli.main import SCOPES
from kvsops.cli.options import Function, connection_options, profile_option, refuse
from kvsops.cli.owner import default_owner
from kvsops.cli.values import ACCOUNT, EXTERNAL_ID, OU, ROLE_ARN, ROLE_NAME
from kvsops.cli.where import Where
from kvsops.errors import KvsopsError, UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from kvsops.aws.scope import Scope
    from kvsops.fleet.asked import Asked
    from kvsops.fleet.finding import Finding
    from kvsops.fleet.opening import Surroundings
    from kvsops.fleet.place import Places


@dataclass(frozen=True, slots=True)
class Wherever(Where):
    """The options that say whose channels, and where, be it in one place or in many."""

    asked: "Asked"

    @property
    def many(self) -> bool:
        """Whether there may be more than one place: `places` finds them, and `open` is no use."""
        return self.asked.many

    def again(self, scope: "Scope") -> list[str]:
        """Return the options, as words, with which another command finds the same one place."""
        return [*Where.again(self, scope), *self._words("--role-arn", "--external-id")]

    @property
    def again_everywhere(self) -> list[str]:
        """The options, as words, with which another command finds the same places."""
        url = self.endpoint_url if self.endpoint_url and "@" not in self.endpoint_url else None
        given = (("--profile", self.profile), ("--endpoint-url", url))
        return [*(word for pair in given if pair[1] for word in pair if word), *self._words()]

    def _words(self, *only: str) -> list[str]:
        """Return the options of these names, or all that say where to look."""
        words: list[str] = []
        for name, option in _NAMES.items():
            value = getattr(self.asked, name)
            if value and (not only or option in only):
                values = value if isinstance(value, tuple) else (value,)
                words += [w for v in values for w in ((option,) if v is True else (option, v))]
        return words

    def places(self) -> "Places":
        """Find where to look; raises `KvsopsError` before anything is done there."""
        from kvsops.fleet.selection import places_of
        from kvsops.output.console import progress

        with progress("listing accounts", None, enabled=None if self.many else False) as seen:
            return places_of(self.asked, self._around(), seen)

    def finding(self) -> "Finding":
        """Find where to look while the first is read already; raises `KvsopsError` as it comes."""
        from kvsops.fleet.selection import finding_of

        return finding_of(self.asked, self._around())

    def _around(self) -> "Surroundings":
        """Return what surrounds the scopes.

        They go by the clock that the command line was given, and what they doubt is told at its
        end.
        """
        from kvsops.aws.clock import machine_now
        from kvsops.cli.signals import next_one_ends
        from kvsops.fleet.opening import Surroundings

        context = click.get_current_context()
        opened: list[Scope] = context.meta.setdefault(SCOPES, [])
        return Surroundings(
            now=context.obj or machine_now, on_interrupt=next_one_ends, on_open=opened.append
        )

    def open(
        self,
        *,
        read_only: bool = False,
        max_own_cost: "Decimal | None" = None,
        service: str = "kinesisvideo",
    ) -> "Scope":
        """Open the scope of the one place, which may be a role's account."""
        if self.many:
            raise UsageError("this looks in one account and region: give one --region")
        if not self.asked.role_arns:
            return Where.open(self, read_only=read_only, max_own_cost=max_own_cost, service=service)
        found = self.places()
        for each in found.missed:
            raise KvsopsError(each.why)
        return found.found[0].open(read_only=read_only, max_own_cost=max_own_cost)


def _together(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Return what adds these options, in the order of the help."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


all_regions_options: Final = _together(
    click.option("--all-regions", is_flag=True, help="All regions that have the service."),
    click.option(
        "--exclude-region",
        "exclude_regions",
        multiple=True,
        metavar="REGION",
        help="Leave it out of --all-regions; repeatable.",
    ),
)
"""Add the options of all regions, less some."""

of_organization_options: Final = _together(
    click.option(
        "--account",
        "accounts",
        multiple=True,
        type=ACCOUNT,
        metavar="ID",
        help="Of the organization only this account; repeatable.",
    ),
    click.option(
        "--exclude-account",
        "exclude_accounts",
        multiple=True,
        type=ACCOUNT,
        metavar="ID",
        help="Of the organization not this account; repeatable.",
    ),
    click.option(
        "--ou",
        "ous",
        multiple=True,
        type=OU,
        metavar="ID",
        help="Only this organizational unit, and those in it; repeatable.",
    ),
)
"""Add the options that choose of an organization's accounts."""


def places_options(function: Function) -> Function:
    """Add the options of many places; the function gets them as `where`, a `Wherever`."""

    @connection_options(
        section("Accounts and regions"),
        click.option(
            "--region",
            "regions",
            multiple=True,
            metavar="REGION",
            help="AWS region; repeat it for more.  [default: AWS_REGION, or the profile's]",
        ),
        all_regions_options,
        click.option(
            "--role-arn",
            "role_arns",
            multiple=True,
            type=ROLE_ARN,
            metavar="ARN",
            help="Look in this role's account, by the role; repeatable.",
        ),
        click.option(
            "--organization-role",
            type=ROLE_NAME,
            metavar="NAME",
            help="Look in all accounts of your organization: in your own as you are, in each "
            "other by its role of this name.",
        ),
        of_organization_options,
        click.option(
            "--external-id",
            type=EXTERNAL_ID,
            metavar="ID",
            help="The external ID that the roles ask for.",
        ),
        section("Connection"),
        profile_option,
    )
    @functools.wraps(function)
    def wrapped(*args: Any, connection: dict[str, Any], **given: Any) -> Any:
        names = {name: given.pop(name) for name in _NAMES}
        one = names["regions"][0] if len(names["regions"]) == 1 else None
        asked = _asked(connection, names)
        refuse(asked.objection)
        return function(*args, where=Wherever(region=one, **connection, asked=asked), **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


def _asked(connection: dict[str, Any], names: dict[str, Any]) -> "Asked":
    """Return what was asked for, as the fleet has it; its calls tell the command and who ran it."""
    from kvsops.aws.roles import session_name
    from kvsops.aws.scope import QUOTA_SHARE
    from kvsops.fleet.asked import Asked

    share = connection["quota_share"]
    command = click.get_current_context().info_name or "run"
    given = connection | {"quota_share": QUOTA_SHARE if share is None else share}
    return Asked(session=session_name(command, default_owner(os.environ)), **given, **names)


_NAMES: Final = {
    "regions": "--region",
    "all_regions": "--all-regions",
    "exclude_regions": "--exclude-region",
    "role_arns": "--role-arn",
    "organization_role": "--organization-role",
    "accounts": "--account",
    "exclude_accounts": "--exclude-account",
    "ous": "--ou",
    "external_id": "--external-id",
}
"""The options by the names under which functions get them."""

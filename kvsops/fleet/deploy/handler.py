"""The Lambda functions of a deployed sweep: each calls its step with what it runs in.

The stack names them as `on_list`, `on_plan`, `on_fuse`, `on_delete` and `on_total`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from kvsops.aws.notice import Topic, publish
from kvsops.aws.objects import Bucket
from kvsops.aws.quotas import S3, SNS
from kvsops.aws.scope import Scope
from kvsops.aws.session import partition_of
from kvsops.core.account import RoleArn
from kvsops.errors import KvsopsError
from kvsops.fleet.asked import Asked
from kvsops.fleet.deploy import steps, total
from kvsops.fleet.deploy.settings import Settings
from kvsops.fleet.opening import Surroundings
from kvsops.fleet.selection import listed_of, places_of

Data = dict[str, Any]


class Context(Protocol):
    """What Lambda tells a function of its run, as far as it is asked."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may go on."""


def hub(environ: Mapping[str, str], around: Surroundings, seconds_left: float) -> steps.Hub:
    """Return what the steps run in: the function's own account by `environ`, others by `around`."""
    own = Scope(environ=environ, service=S3)
    topic = Topic.parse(environ["KVSOPS_TOPIC"])
    return steps.Hub(
        bucket=Bucket(environ["KVSOPS_BUCKET"], own),
        open=lambda place, role, read_only: opened(place, role, around, read_only=read_only),
        places=lambda settings: places(settings, around),
        publish=lambda subject, text: publish(
            Scope(region=topic.region, environ=environ, service=SNS), topic, subject, text
        ),
        seconds_left=seconds_left,
    )


def opened(place: Data, role: str, around: Surroundings, *, read_only: bool) -> Scope:
    """Open the scope of an account and region by its role; raises `KvsopsError`."""
    region = place["region"]
    arn = RoleArn(partition_of(region), place["account_id"], role)
    found = places_of(Asked(regions=(region,), role_arns=(str(arn),), session=role), around)
    for missed in found.missed:
        raise KvsopsError(missed.why)
    return found.found[0].open(read_only=read_only)


def places(settings: Settings, around: Surroundings) -> tuple[list[Data], list[Data]]:
    """List the places that the settings mean, and what of them is out of reach."""
    asked = Asked(
        organization_role=settings.role_of("plan"),
        **{name: getattr(settings, name) for name in _ASKED},
    )
    rules, _ = steps.terms(settings)
    units = {unit for policy in rules.policies for unit in policy.reach.organizational_units}
    listed = listed_of(asked, around, sorted(units))
    found = [
        {"account_id": account, "region": region, "units": [*listed.units[account]]}
        for account, region in listed.found
    ]
    return found, [asdict(each) for each in listed.missed]


_ASKED = ("regions", "all_regions", "exclude_regions", "accounts", "exclude_accounts", "ous")


def _handler(step: Callable[[Data, steps.Hub], Data]) -> Callable[[Data, Context], Data]:
    def handle(event: Data, context: Context) -> Data:
        seconds = context.get_remaining_time_in_millis() / 1000
        return step(event, hub(os.environ, Surroundings(environ=os.environ), seconds))

    handle.__doc__ = step.__doc__
    return handle


on_list = _handler(steps.list_places)
on_plan = _handler(steps.plan)
on_fuse = _handler(steps.fuse)
on_delete = _handler(steps.delete)
on_total = _handler(total.total)

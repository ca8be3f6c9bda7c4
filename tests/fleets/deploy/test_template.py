"""The templates, as CloudFormation's own linter sees them."""

from datetime import timedelta
from importlib import import_module

import pytest
from cfnlint.api import lint_all

from kvsops.fleet.deploy import roles, steps, template, total
from kvsops.fleet.deploy.settings import Settings

POLICY = '[policies.ci]\nprefix = "ci-"\nolder-than = "2h"\n'
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["tag:GetResources"], "Resource": "*"}],
}


def wrong(text: str) -> list[str]:
    """Return the linter's errors and warnings; what it advises beside is no matter."""
    found = [str(each) for each in lint_all(text)]
    return [each for each in found if not each.startswith("[I")]


def settings(*, deletes: bool) -> Settings:
    """Make what a run goes by."""
    return Settings(
        policy=POLICY,
        deletes=deletes,
        max_deletes="10%",
        max_deletes_total="100",
        role="kvsops-sweep",
        all_regions=True,
    )


@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize("email", [None, "ops@example.com"])
@pytest.mark.parametrize("alarm", [None, timedelta(hours=25)])
def test_the_hub(email: str | None, alarm: timedelta | None, *, deletes: bool) -> None:
    """It is what CloudFormation takes, schedule and alarm included."""
    stack = template.Stack(
        settings=settings(deletes=deletes),
        schedule="rate(1 day)",
        alarm_after=alarm,
        deleting_at_once=10,
        email=email,
    )
    assert wrong(template.written(template.hub(stack))) == []


def test_the_handlers() -> None:
    """Each function's handler is there, and is the step of that name."""
    stack = template.Stack(
        settings=settings(deletes=True), schedule="", alarm_after=None, deleting_at_once=1
    )
    resources = template.hub(stack)["Resources"].values()
    named = [each["Properties"]["Handler"] for each in resources if "Lambda" in each["Type"]]
    found = [getattr(import_module(module), name) for module, _, name in map(_parted, named)]
    assert [each.__doc__ for each in found] == [
        step.__doc__
        for step in (steps.list_places, steps.plan, steps.fuse, steps.delete, total.total)
    ]


def _parted(handler: str) -> tuple[str, str, str]:
    return handler.rpartition(".")


def test_the_members() -> None:
    """So are the members' roles."""
    made = roles.members(settings(deletes=True), "123456789012", ALLOWED, ALLOWED)
    assert wrong(template.written(made)) == []

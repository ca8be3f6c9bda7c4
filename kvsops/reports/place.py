"""The first line of a run's screen: whether anything was written, and where."""

from kvsops.aws.scope import Scope
from kvsops.output.text import safe, without_userinfo


def place_line(scope: Scope, channel_arn: str | None) -> str:
    """Say whether it was a dry run, and in which region, account and emulator.

    The account is the caller's, or that of a channel which was told of: only where there is none
    is it asked for.
    """
    done = "Dry run in" if scope.read_only else "Carried out in"
    account = scope.account_of(channel_arn) if channel_arn else None
    where = f"{scope.region}, account {account}" if account else f"{scope.place()}"
    emulated = f", emulator {without_userinfo(scope.emulator)}" if scope.emulator else ""
    return safe(f"{done} {where}{emulated}")

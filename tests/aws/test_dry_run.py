"""A scope of a dry run: every operation that reads is let through, none that writes."""

from contextlib import suppress

import pytest

from kvsops.aws.quotas import OPERATIONS, writes
from kvsops.aws.scope import Scope
from kvsops.errors import NotFoundError, WriteRefusedError
from kvsops.local.server import LocalServer
from tests.aws.operations import PARAMETERS, READS, WRITES


@pytest.fixture
def dry(environment: dict[str, str]) -> Scope:
    """Return a scope that refuses every write."""
    return Scope(environ=environment, read_only=True)


def test_every_operation_is_tested() -> None:
    """The tables hold every operation of the control plane that is called at all."""
    others = ("cloudwatch", "kinesis-video-signaling", "organizations", "s3", "sns")
    mine = {name for name, each in OPERATIONS.items() if each.service not in others}
    assert PARAMETERS.keys() >= {name for name in mine if name != "GetProducts"}
    assert [name for name in PARAMETERS if writes(name)] == [
        name for name in PARAMETERS if name in WRITES
    ]
    assert not [name for name in mine if writes(name) and name not in WRITES]


def test_a_dry_run_refuses_writes(dry: Scope, emulator: LocalServer) -> None:
    """No write leaves, whether its parameters are right or wrong."""
    for operation in WRITES:
        for parameters in (PARAMETERS[operation], {}):
            with pytest.raises(WriteRefusedError, match=f"^a dry run does not call {operation}$"):
                dry.call(operation, **parameters)
    assert emulator.calls == {}


def test_a_dry_run_reads(dry: Scope, emulator: LocalServer) -> None:
    """Every read leaves, and is answered, be it that there is no such channel."""
    for operation in READS:
        with suppress(NotFoundError):
            dry.call(operation, **PARAMETERS[operation])
    assert emulator.calls == dict.fromkeys(READS, 1)

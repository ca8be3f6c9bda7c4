"""The channel that `kvsops smoke` uses: found, made once, or made for one test and deleted."""

import os
import re
import signal
from datetime import timedelta
from random import Random

import pytest

from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.errors import KvsopsError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.output.console import Console
from tests.aws.first_calls import FirstCalls
from tests.cli.conftest import Kvsops
from tests.fleet import names, put

QUICK = ("smoke", "--no-steady")


def test_makes_its_channel_once(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Without a name it makes kvsops-smoke, tags it, and uses it again."""
    first, second = kvsops(*QUICK), kvsops(*QUICK)
    assert (first.code, second.code) == (0, 0)
    assert "kvsops-smoke, created just now" in first.out
    assert "kvsops-smoke, ACTIVE" in second.out
    assert emulator.calls["CreateSignalingChannel"] == 1
    [channel] = emulator.backend().channels.values()
    assert {key for key in channel.tags if key.startswith("kvsops:")} == {
        "kvsops:keep",
        "kvsops:owner",
        "kvsops:smoke",
    }


def test_tags_that_may_not_be_read(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Not knowing whose channel it is, nothing connects as master; what may be done goes on."""
    put(emulator, "cam-door", tags={"kvsops:smoke": "yes"})
    emulator.settings.faults = (
        Fault("ListTagsForResource", "AccessDeniedException"),
        Fault("DescribeMediaStorageConfiguration", "AccessDeniedException"),
    )
    ended = kvsops(*QUICK, "cam-door")
    assert ended.code == 0
    assert "cam-door, ACTIVE, its tags cannot be read" in ended.out
    last = "cam-door passed the checks; no media was sent; relay proven over udp, tls\n"
    assert ended.out.endswith(last)


def test_ephemeral(kvsops: Kvsops, emulator: LocalServer) -> None:
    """An ephemeral channel is made, told apart, and deleted, whether or not it works."""
    assert kvsops(*QUICK, "--ephemeral").code == 0
    emulator.settings.faults = (Fault("GetIceServerConfig", "AccessDeniedException"),)
    ended = kvsops(*QUICK, "--ephemeral")
    assert ended.code == 3
    assert re.search(r"kvsops-smoke-[0-9a-f]{10}, created just now", ended.out)
    assert names(emulator) == set()
    assert emulator.calls["DeleteSignalingChannel"] == 2


def test_nothing_is_made_once_it_has_ended(scope: Scope, emulator: LocalServer) -> None:
    """A call that goes on in its thread after Ctrl-C does not make a channel nobody deletes."""
    with smoke_channel(scope, None, Console(), ephemeral=True) as subject:
        pass
    with pytest.raises(
        KvsopsError, match=r"^kvsops-smoke-\w+ was not created: the test has ended$"
    ):
        subject.target()
    assert names(emulator) == set()


class Interrupting(Fault):
    """Interrupts this process when its operation is called, and lets it pass."""

    def strikes(self, operation: str, random: Random) -> bool:
        """Send the signal that the error names."""
        del random
        if operation == self.operation:
            os.kill(os.getpid(), signal.Signals[self.error])
        return False


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_while_it_is_deleted(
    scope: Scope, emulator: LocalServer, capsys: pytest.CaptureFixture[str], times: int, number: str
) -> None:
    """A signal is held back until the channel is deleted; a second Ctrl-C leaves it."""
    emulator.settings.state_delay = timedelta()
    calls = ("DescribeSignalingChannel", "DeleteSignalingChannel")
    faults = tuple(Interrupting(name, number) for name in calls)

    def made_and_deleted() -> None:
        with smoke_channel(scope, None, Console(), ephemeral=True) as subject:
            subject.target()
            emulator.settings.faults = faults[:times]

    with pytest.raises(KeyboardInterrupt):
        made_and_deleted()
    assert re.fullmatch(
        r"deleting kvsops-smoke-\w+; another Ctrl-C leaves it to kvsops sweep --expired\n",
        capsys.readouterr().err,
    )
    if times == 1 or number == "SIGTERM":
        assert names(emulator) == set()


def test_made_by_another_run_meanwhile(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of two first runs at once the one that comes too late takes what the other made."""
    put(emulator, "kvsops-smoke", tags={"kvsops:smoke": "yes", "kvsops:keep": "yes"})
    emulator.settings.faults = (
        FirstCalls("DescribeSignalingChannel", "ResourceNotFoundException", 1),
    )
    ended = kvsops(*QUICK)
    assert (ended.code, emulator.calls["CreateSignalingChannel"]) == (0, 1)


def test_ephemeral_that_cannot_be_deleted(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What could not be deleted is said, with what takes it later."""
    emulator.settings.faults = (Fault("DeleteSignalingChannel", "AccessDeniedException"),)
    ended = kvsops(*QUICK, "--ephemeral")
    assert "was not deleted: DeleteSignalingChannel denied: " in ended.err
    assert ended.err.endswith("; kvsops sweep --expired deletes it later\n")
    [channel] = emulator.backend().channels.values()
    assert "kvsops:expires-at" in channel.tags

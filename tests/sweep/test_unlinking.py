"""Channels that are linked to storage: unlinked, deleted, and linked again where they stay."""

from datetime import timedelta

import pytest

from kvsops.local.faults import DROP_AFTER, FAULT_MESSAGE, Fault
from kvsops.local.server import LocalServer
from tests.fleet import HOUR, From, names, put, retag, writes
from tests.retries import retries_at_once
from tests.sweep.runs import DELETE, DENIED, OLD, UNLINK, Run, delete

_retry_at_once = retries_at_once(10)

IN_USE = "ResourceInUseException"


def test_linked_to_storage(run: Run, emulator: LocalServer) -> None:
    """A channel linked to a stream is planned for deletion, and spared when its link is read."""
    put(emulator, "cam-1", stored=True)
    run()
    assert run.outcomes == {"cam-1": "kept"}
    assert run.reasons["cam-1"].startswith("linked to storage: stream/cam-1-media/")
    assert writes(emulator) == {}


def test_unlinks_then_deletes(run: Run, emulator: LocalServer) -> None:
    """With unlink-storage the link is taken off, journalled, and everything is read once more."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "deleted"}
    assert names(emulator) == set()
    assert list(emulator.backend().streams) == [stream]
    assert writes(emulator) == {DELETE: 1, UNLINK: 1}
    link = {"status": "ENABLED", "stream_arn": stream}
    told = [(line["event"], line.get("storage")) for line in run.journal]
    assert told == [
        ("deleting", link),
        ("unlinking", link),
        ("deleting", link),
        ("deleted", None),
    ]


def test_a_version_that_comes_of_the_unlinking(run: Run, emulator: LocalServer) -> None:
    """It is our own change: the channel is judged, and deleted, in the version that it then has."""
    channel = put(emulator, "cam-1", stored=True)

    class Changing(From):
        def strikes(self, operation: str, random: object) -> bool:
            if super().strikes(operation, random):
                channel.version += "x"
            return False

    emulator.settings.faults = (Changing("DescribeSignalingChannel", DENIED, last=1),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "deleted"}


def test_an_unlinked_channel_kept_at_last_is_linked_again(run: Run, emulator: LocalServer) -> None:
    """When the delete does not follow, the link is put back, and the journal says so."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed"}
    assert run.reasons["cam-1"].startswith("DeleteSignalingChannel denied: ")
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert run.events("cam-1") == ["deleting", "unlinking", "deleting", "relinked", "failed"]
    relinked = run.journal[3]
    assert relinked["storage"] == {"status": "ENABLED", "stream_arn": stream}


def test_a_link_that_cannot_be_put_back(run: Run, emulator: LocalServer) -> None:
    """When neither the delete nor the link succeeds, the reason and the journal say so."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (Fault(DELETE, DENIED), From(UNLINK, DENIED, first=2))
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed"}
    arn = emulator.backend().channels["cam-1"].arn
    assert run.reasons["cam-1"] == (
        f"{DELETE} denied: the credentials need kinesisvideo:{DELETE} on {arn}; "
        f"it stays unlinked from {stream}: "
        f"{UNLINK} denied: the credentials need kinesisvideo:{UNLINK} on {arn}"
    )
    assert run.events("cam-1") == ["deleting", "unlinking", "deleting", "failed"]
    assert run.journal[-1]["reason"] == run.reasons["cam-1"]


@pytest.mark.parametrize(
    ("code", "tries", "said"),
    [
        (DENIED, 1, f"{UNLINK} denied: the credentials need kinesisvideo:{UNLINK} on {{}}"),
        # Somebody changes it all the time.
        (IN_USE, 10, f"{UNLINK} failed for {{}}: {IN_USE}: {FAULT_MESSAGE}"),
    ],
)
def test_a_link_that_cannot_be_taken_off(
    run: Run, emulator: LocalServer, code: str, tries: int, said: str
) -> None:
    """A refused unlinking fails that channel alone, whose link is as it was."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    put(emulator, "cam-2")
    emulator.settings.faults = (Fault(UNLINK, code),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed", "cam-2": "deleted"}
    arn = emulator.backend().channels["cam-1"].arn
    assert run.reasons["cam-1"] == said.format(arn)
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert run.events("cam-1") == ["deleting", "unlinking"] * tries + ["failed"]


def test_a_linked_channel_that_somebody_is_deleting(run: Run, emulator: LocalServer) -> None:
    """Unlinking a channel that another run is deleting finds it gone, and stops nobody."""
    put(emulator, "cam-1", stored=True)
    put(emulator, "cam-2", stored=True)
    run.given = OLD | {"unlink-storage": True}
    run.meanwhile = lambda: delete(emulator, "cam-1", HOUR)
    run()
    assert run.outcomes == {"cam-1": "gone", "cam-2": "deleted"}
    assert run.reasons["cam-1"] == "somebody else is deleting it"
    assert run.events("cam-1")[-1] == "gone"
    assert run.why_stopped == ""


def test_a_channel_that_is_not_active_again(run: Run, emulator: LocalServer) -> None:
    """One that is not ACTIVE long after its link was taken off fails alone, and says so."""
    channel = put(emulator, "cam-1", stored=True)
    put(emulator, "cam-2")

    class Unready(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == self.operation:
                channel.active_from = emulator.settings.clock() + HOUR
            return False

    emulator.settings.faults = (Unready("DescribeSignalingChannel", DENIED),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed", "cam-2": "deleted"}
    assert "; it stays unlinked from arn:aws:kinesisvideo:" in run.reasons["cam-1"]
    assert run.events("cam-1") == ["deleting", "unlinking", "failed"]
    assert run.why_stopped == ""


def test_an_unlinked_channel_that_is_protected_meanwhile(run: Run, emulator: LocalServer) -> None:
    """What somebody tags to be kept while its link is taken off is kept, and linked again."""

    class Tagged(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == UNLINK:
                retag(emulator, "cam-1", {"kvsops:keep": "mine"})
            return False

    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (Tagged(UNLINK, DENIED),)
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "kept"}
    assert run.reasons == {"cam-1": "protected: kvsops:keep=mine"}
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert writes(emulator) == {UNLINK: 2}
    assert run.events("cam-1") == ["deleting", "unlinking", "relinked", "kept"]


def test_a_lost_answer_to_the_unlinking(run: Run, emulator: LocalServer) -> None:
    """A link that may have been taken off, the answer lost, is put back all the same."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    emulator.settings.faults = (From(UNLINK, DROP_AFTER, last=10), Fault(DELETE, DENIED))
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": "failed"}
    assert emulator.backend().channels["cam-1"].stream_arn == stream
    assert run.events("cam-1") == ["deleting", "unlinking", "deleting", "relinked", "failed"]
    assert run.journal[2]["storage"] == {"status": "ENABLED", "stream_arn": stream}


@pytest.mark.parametrize(
    ("lost", "outcome", "linked", "then"),
    [
        (DROP_AFTER, "deleted", None, "1d old"),  # which the linking finds out
        ("InternalFailure", "unknown", True, "DescribeSignalingChannel denied: "),
        ("InternalFailure", "unknown", False, "; it stays unlinked from arn:aws:kinesisvideo:"),
    ],
)
def test_an_unlinked_channel_that_may_be_deleted(
    run: Run, emulator: LocalServer, *, lost: str, outcome: str, linked: bool | None, then: str
) -> None:
    """Whether it is there or not, it is linked again; only if it is gone was it surely deleted."""
    channel = put(emulator, "cam-1", stored=True)
    stream = channel.stream_arn
    faults = [Fault(DELETE, lost), From("DescribeSignalingChannel", DENIED, first=3)]
    if linked is False:
        faults.append(From(UNLINK, DENIED, first=2))
    emulator.settings.faults = tuple(faults)
    emulator.settings.state_delay = timedelta()
    run.given = OLD | {"unlink-storage": True}
    run()
    assert run.outcomes == {"cam-1": outcome}
    assert then in run.reasons["cam-1"]
    assert run.items[0].lost is (outcome == "unknown")
    assert channel.stream_arn == (stream if linked else None)
    assert run.events("cam-1")[-1] == outcome

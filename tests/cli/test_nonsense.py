"""Commands while somebody between them and AWS changes what is answered."""

import json
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.between import Answer, Change, between
from tests.cli.conftest import Ended, Kvsops
from tests.cli.recordings import sow_recordings
from tests.fleet import DAY, HOUR, names, put, put_many

SWEEP = ("sweep", "--older-than", "2h", "--prefix", "ci-", "--yes")


def page(*operations: str) -> Change:
    """Answer these operations as a captive portal does."""
    html = Answer(200, b"<html>Sign in</html>", {"content-type": "text/html"})
    return lambda operation, answer: html if operation in operations else answer


def through(kvsops: Kvsops, environment: dict[str, str], change: Change, *argv: str) -> Ended:
    """Run the command with its answers changed."""
    with between(environment["AWS_ENDPOINT_URL"], change) as url:
        return kvsops(*argv, "--endpoint-url", url)


@pytest.mark.parametrize(
    "operation", ["ListTagsForResource", "DescribeMediaStorageConfiguration", "GetMetricData"]
)
def test_a_captive_portal_deletes_nothing(
    kvsops: Kvsops, emulator: LocalServer, environment: dict[str, str], operation: str
) -> None:
    """What was not told is unknown: kept, told, exit 1."""
    ends = emulator.settings.clock() + timedelta(hours=10)
    put(emulator, "ci-kept", tags={"kvsops:keep": ""})
    put(emulator, "ci-held", tags={"kvsops:expires-at": f"{ends:%Y-%m-%dT%H:%M:%SZ}"})
    put(emulator, "ci-plain")
    put(emulator, "ci-linked", stored=True)
    ended = through(kvsops, environment, page(operation), *SWEEP)
    assert ended.code == 1
    assert names(emulator) == {"ci-kept", "ci-held", "ci-plain", "ci-linked"}
    assert f"not an answer of {operation}" in ended.out + ended.err


@pytest.mark.parametrize("argv", [("list",), SWEEP, ("cost",), (*SWEEP[:-1], "--check")])
def test_a_listing_that_is_a_page(
    kvsops: Kvsops, emulator: LocalServer, environment: dict[str, str], argv: tuple[str, ...]
) -> None:
    """It is no empty one."""
    put(emulator, "ci-1")
    ended = through(kvsops, environment, page("ListSignalingChannels"), *argv)
    assert (ended.code, ended.out) == (1, "")
    assert "not an answer of ListSignalingChannels but text/html, 20 bytes" in ended.err


@pytest.mark.parametrize("argv", [("streams",), ("cost",), ("list", "--cost")])
@pytest.mark.parametrize(
    "operation",
    [
        "ListStreams",
        "DescribeStreamStorageConfiguration",
        "DescribeMappedResourceConfiguration",
        "ListMetrics",
        "GetMetricData",
    ],
)
def test_streams_behind_a_captive_portal(
    kvsops: Kvsops,
    emulator: LocalServer,
    environment: dict[str, str],
    operation: str,
    argv: tuple[str, ...],
) -> None:
    """What was not told is said, in a line; exit 1."""
    sow_recordings(emulator)
    for number in range(3):
        put(emulator, f"room-{number}")
    change = page(operation)
    asked = kvsops(*argv).code == 0 and emulator.calls[operation]
    ended = through(kvsops, environment, change, *argv)
    said = f"not an answer of {operation} but text/html, 20 bytes"
    assert (ended.code, said in ended.err) == ((1, True) if asked else (0, False))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"CreationTime": 0}, "film: its CreationTime is 1970-01-01"),
        ({"DataRetentionInHours": 10**6}, "film: its DataRetentionInHours is 1000000"),
        ({"DataRetentionInHours": -1}, "film: its DataRetentionInHours is -1"),
        ({"StreamName": "other"}, "other: its ARN is of a stream named film"),
    ],
)
@pytest.mark.parametrize("argv", [("streams",), ("cost",)])
def test_a_stream_that_cannot_be(
    kvsops: Kvsops,
    emulator: LocalServer,
    environment: dict[str, str],
    *,
    argv: tuple[str, ...],
    change: dict[str, Any],
    said: str,
) -> None:
    """It is told in a line, and no smaller bill: what rests on it is not known; exit 1."""
    sow_recordings(emulator)

    def changed(operation: str, answer: Answer) -> Answer:
        if operation == "ListStreams":
            content: Any = json.loads(answer.body)
            for row in content["StreamInfoList"]:
                row.update(change if row["StreamName"] == "film" else {})
            answer.body = json.dumps(content).encode()
        return answer

    ended = through(kvsops, environment, changed, *argv)
    assert ended.code == 1
    assert f"error: AWS told what cannot be, so it counts as unknown: {said}\n" in ended.err


@pytest.mark.parametrize("argv", [("list",), ("cost",), SWEEP])
def test_a_row_that_cannot_be(
    kvsops: Kvsops, emulator: LocalServer, environment: dict[str, str], argv: tuple[str, ...]
) -> None:
    """It is told in a line, and the others go on, whatever the command; exit 1."""
    put_many(emulator, ["ci-1", "ci-2", "ci-3"])

    def change(operation: str, answer: Answer) -> Answer:
        if operation == "ListSignalingChannels":
            content: Any = json.loads(answer.body)
            for row in content["ChannelInfoList"]:
                if row["ChannelName"] != "ci-3":
                    row["CreationTime"] = 0
            answer.body = json.dumps(content).encode()
        return answer

    ended = through(kvsops, environment, change, *argv)
    said = "ci-1: its CreationTime is 1970-01-01 (and 1 more)"
    assert ended.code == 1
    assert f"error: AWS told what cannot be, so it counts as unknown: {said}\n" in ended.err
    assert names(emulator) == ({"ci-1", "ci-2"} if argv == SWEEP else {"ci-1", "ci-2", "ci-3"})


def test_a_deadline_and_a_dripping_answer(
    kvsops: Kvsops, emulator: LocalServer, environment: dict[str, str]
) -> None:
    """The deadline holds."""
    put_many(emulator, [f"ci-{n}" for n in range(5)])

    def drip(operation: str, answer: Answer) -> Answer:
        answer.drip = operation == "ListSignalingChannels"
        return answer

    began = time.monotonic()
    ended = through(kvsops, environment, drip, *SWEEP, "--deadline", "2s")
    assert ended.code == 1
    assert "the deadline passed before ListSignalingChannels was answered" in ended.err
    assert time.monotonic() - began < 10
    assert len(names(emulator)) == 5


@pytest.mark.parametrize(
    ("argv", "throttled"),
    [
        (("list", "--cost"), "ListMetrics"),
        (("list", "--tags"), "ListTagsForResource"),
        (("sweep", "--older-than", "2h"), "ListMetrics"),
        (("cost",), "GetMetricData"),
    ],
)
def test_interrupted_while_throttled(
    emulator: LocalServer, environment: dict[str, str], argv: tuple[str, ...], throttled: str
) -> None:
    """What only reads ends soon after Ctrl-C, whatever it waits for."""
    put_many(emulator, [f"ci-{n}" for n in range(5)], DAY + HOUR)
    emulator.settings.faults = (Fault(throttled, "ThrottlingException"),)
    child = subprocess.Popen(
        [sys.executable, "-m", "kvsops", *argv],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while emulator.calls[throttled] < 2:
        time.sleep(0.05)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert time.monotonic() - began < 8, said  # a throttled read alone is tried for longer
    assert "Traceback" not in said


def test_interrupted_again(emulator: LocalServer, environment: dict[str, str]) -> None:
    """A delete under way is waited for, which is said; a second Ctrl-C ends at once."""
    put_many(emulator, ["ci-1"])

    def stall(operation: str, answer: Answer) -> Answer:
        time.sleep(60 if operation == "DeleteSignalingChannel" else 0)
        return answer

    with between(environment["AWS_ENDPOINT_URL"], stall) as url:
        child = subprocess.Popen(
            [sys.executable, "-m", "kvsops", *SWEEP, "--endpoint-url", url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not emulator.calls["DeleteSignalingChannel"]:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        time.sleep(1)
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = child.communicate(timeout=30)
        assert time.monotonic() - began < 8  # of the 10 s that a delete is waited for
    assert child.returncode == 130
    assert "interrupted: at most 10 s are waited for DeleteSignalingChannel; Ctrl-C again" in said
    assert said.endswith("interrupted again: ended at once\n")

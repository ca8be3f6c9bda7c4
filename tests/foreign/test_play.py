"""`kvsops play` seen by other people's viewers: the number of the picture is read from theirs."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.media import level_mark
from tests.foreign.meet import KVSOPS
from tests.foreign.peer import Codec, Foreign, Wish
from tests.foreign.stacks import STACKS

NAMED = {stack.name: stack for stack in STACKS}
PICTURES = 3


@contextmanager
def playing(emulator: LocalServer, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Play to whoever comes until the block ends; what happens is on standard output."""
    argv = [*KVSOPS, "play", "cam", "--take-over", "--size", "320x240", *options, "-o", "json"]
    with subprocess.Popen(
        argv,
        env=emulator.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "connected"
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("chromium", "VP8"), ("chromium", "H264"), ("gstreamer", "H264")],
)
def test_seen(emulator: LocalServer, name: str, codec: Codec) -> None:
    """A viewer that only watches sees the numbered picture go on, in either codec."""
    emulator.settings.state_delay = timedelta()
    stack = NAMED[name]
    try:
        stack.require()
    except UnavailableError as error:
        unavailable(str(error))
    arn = put(emulator, "cam").arn
    wish = Wish("viewer", arn, emulator.environment(), codec=codec, send=("data",))
    with playing(emulator, "--fps", "15") as process:
        with Foreign(stack.program, wish, stack.interpreter) as viewer:
            viewer.wait_for("connected")
            for number in range(PICTURES):
                viewer.wait_for("picture", count=number + 1)
        process.terminate()
        lines = process.communicate()[0].splitlines()
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    marks = [level_mark(said.more["pixels"]) for said in viewer.all("picture")]
    numbers = [mark.number for mark in marks if mark is not None and mark.sender == 0]
    assert len(numbers) >= PICTURES - 1
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1
    joined = [each for each in told if each["event"] == "joined"]
    assert [(each["client_id"], each["video"]) for each in joined] == [("foreign-viewer", codec)]
    assert told[-1]["reason"] == "interrupted"

"""Chromium with no codec in common with smoke: told in words, and all else goes on."""

import json
import subprocess
import time
from typing import Any, Final

import pytest

from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.meet import KVSOPS
from tests.foreign.peer import Foreign, Wish
from tests.foreign.stacks import STACKS

CHROMIUM: Final = next(stack for stack in STACKS if stack.name == "chromium")


def smoke(emulator: LocalServer, arn: str, *options: str) -> "subprocess.Popen[str]":
    """Start smoke on the channel."""
    return subprocess.Popen(
        [*KVSOPS, "smoke", arn, *options, "--duration", "1s", "-o", "json"],
        env=emulator.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def page(emulator: LocalServer, role: Any, arn: str, codec: Any) -> Foreign:
    """Return a page that has this video codec alone."""
    try:
        CHROMIUM.require()
    except UnavailableError as error:
        unavailable(str(error))
    return Foreign(CHROMIUM.program, Wish(role, arn, emulator.environment(), codec=codec))


def told(process: "subprocess.Popen[str]") -> tuple[int, dict[str, str], str]:
    """Return smoke's exit code, its steps' results, and its reason."""
    out, _ = process.communicate(timeout=90)
    result = json.loads(out)
    return process.returncode, {s["step"]: s["status"] for s in result["steps"]}, result["reason"]


@pytest.mark.parametrize(
    ("codec", "options", "names"),
    [("AV1", (), "VP8 and H264"), ("VP8", ("--codec", "H264"), "H264")],
)
def test_master(emulator: LocalServer, codec: str, options: tuple[str, ...], names: str) -> None:
    """A page that answers `m=video 0` has none of what was offered; sound and data come."""
    arn = put(emulator, "cam").arn
    with page(emulator, "master", arn, codec) as master:
        master.wait_for("ready")
        code, steps, reason = told(smoke(emulator, arn, "--viewer-only", *options))
    assert (code, reason) == (
        3,
        "first video frame: the other end rejects the video that was offered (m=video 0): it has"
        f" none, or none of {names}",
    )
    assert (steps["dtls"], steps["first_video"]) == ("ok", "failed")


def test_viewer(emulator: LocalServer) -> None:
    """A page that offers AV1 alone is answered without video."""
    arn = put(emulator, "cam").arn
    process = smoke(emulator, arn, "--master-only", "--take-over")
    while not emulator.calls["ConnectAsMaster"]:
        assert process.poll() is None
        time.sleep(0.05)
    with page(emulator, "viewer", arn, "AV1") as viewer:
        code, steps, reason = told(process)
        assert viewer.all("failed") == []
    assert (code, reason) == (
        3,
        "first video frame: no video codec in common: AV1 there, VP8, H264 here",
    )
    assert (steps["dtls"], steps["first_video"]) == ("ok", "failed")

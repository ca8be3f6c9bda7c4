"""`kvsops record` of other people's cameras: the file is decoded, and read."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.meet import KVSOPS
from tests.foreign.peer import Codec, Foreign, Wish
from tests.foreign.stacks import STACKS
from tests.stay.decoding import decoded

NAMED = {stack.name: stack for stack in STACKS}


@pytest.mark.parametrize(("name", "codec"), [("chromium", "VP8"), ("gstreamer", "H264")])
def test_recorded(emulator: LocalServer, tmp_path: Path, name: str, codec: Codec) -> None:
    """Two seconds of what it sends are in the file: pictures at its rate, and sound."""
    emulator.settings.state_delay = timedelta()
    stack, path = NAMED[name], tmp_path / "door.mp4"
    try:
        stack.require()
    except UnavailableError as error:
        unavailable(str(error))
    wish = Wish("master", put(emulator, "cam").arn, emulator.environment(), codec=codec)
    with Foreign(stack.program, wish, stack.interpreter) as camera:
        camera.wait_for("ready")
        recorded = subprocess.run(
            [*KVSOPS, "record", "cam", str(path), "--duration", "2s"],
            env=emulator.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert recorded.returncode == 0, recorded.stderr
    clip = decoded(path)
    assert clip.codecs == ["h264", "aac"]
    assert len(clip.times) > 5
    assert clip.times == sorted(set(clip.times))
    assert clip.sound_seconds == pytest.approx(2.0, abs=0.3)
    assert "which offers picture and sound" in recorded.stderr

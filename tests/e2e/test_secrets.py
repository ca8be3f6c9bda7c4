"""No secret of the caller's is in anything that is written, whatever goes wrong."""

from pathlib import Path

import pytest

from kvsops.local.environment import ACCESS_KEY_ID
from kvsops.local.faults import DROP, Fault
from kvsops.local.server import LocalServer
from tests.e2e.conftest import Start
from tests.fleet import put

SECRET = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYSECRETKEY"  # noqa: S105 - AWS's own example, made longer
TOKEN = "FwoGZXIvYXdzEBYaDSESSIONTOKEN"  # noqa: S105 - made up
FAULTS = {
    "none": (),
    "denied": (Fault("*", "AccessDeniedException"),),
    "signature": (Fault("*", "SignatureDoesNotMatch"),),
    "lost": (Fault("*", DROP, 0.4),),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "argv",
    [
        ("list", "--tags"),
        ("sweep", "--older-than", "1h", "--any-channel", "--yes", "--deadline", "2s"),
    ],
    ids=["list", "sweep"],
)
def test_no_secret_is_written(
    emulator: LocalServer, start: Start, tmp_path: Path, *, fault: str, argv: tuple[str, ...]
) -> None:
    """Neither the secret key nor the session token is on a stream or in the journal."""
    put(emulator, "ci-1", tags={"env": "ci"})
    put(emulator, "ci-2")
    emulator.settings.keys[ACCESS_KEY_ID] = SECRET
    emulator.settings.faults = FAULTS[fault]
    process = start(
        *argv,
        "--debug",
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_SESSION_TOKEN=TOKEN,
        GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
    )
    out, err = process.communicate()
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    for text in (out, err, *written):
        assert SECRET not in text
        assert TOKEN not in text
        assert "X-Amz-" not in text
    assert out or err

"""No secret of a connection is in anything that `smoke`, `ice` and `endpoint` say or write."""

import json
import logging
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.retries import retry_at_once

QUICK = ("smoke", "--no-steady")


_at_once = retry_at_once(attempts=3)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Fault("Allocate", "turn-refused"),
        Fault("ConnectAsViewer", "InternalFailure"),
        Fault("SendSdpAnswer", "AccessDeniedException"),
    ],
)
def test_no_secret_anywhere(
    kvsops: Kvsops,
    emulator: LocalServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    fault: Fault | None,
) -> None:
    """No URL, token, key or TURN credential is in what is printed, logged or written."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token/that+is=secret")
    caplog.set_level(logging.INFO)
    emulator.settings.faults = (fault,) if fault else ()
    reports = [tmp_path / f"smoke{suffix}" for suffix in (".xml", ".prom", ".json", ".md")]
    argv = [part for path in reports for part in ("--report", str(path))]
    told = [caplog.text]
    for output in ("table", "json"):
        ended = kvsops(*QUICK, "--debug", "-o", output, *argv)
        told += [ended.out, ended.err, caplog.text, *(path.read_text() for path in reports)]
    told += [kvsops(name, "kvsops-smoke", "--debug").out for name in ("ice", "endpoint")]
    text = "\n".join(told)
    revealed = json.loads(kvsops("ice", "kvsops-smoke", "--reveal", "-o", "json").out or "[]")
    usernames = [row["username"].partition(":")[2] for row in revealed if row["username"]]
    for secret in (
        *("a-token", "that%2Bis", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"),
        *("AKIAKVSOPSLOCALTEST0", "kvsops-local-throw-away", *usernames),
    ):
        assert secret not in text

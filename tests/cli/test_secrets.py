"""No secret of a connection is in anything that `smoke`, `ice` and `endpoint` say or write."""

import json
import logging
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.retries import retries_at_once

QUICK = ("smoke", "--no-steady")


_retry_at_once = retries_at_once(3)


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


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1:1",
        "http://user:s3cr@et@127.0.0.1:1",
        "http://s3cret@127.0.0.1:1/path",
        "ftp://user:s3cret@127.0.0.1",
        "user:s3cret@127.0.0.1",
        "http:user:s3cret@127.0.0.1",
        "http://user:s3cret@127.0.0.1:port",
        "http://user:s3cret@",
    ],
)
@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_userinfo_of_an_endpoint(kvsops: Kvsops, url: str, debug: tuple[str, ...]) -> None:
    """A user and password in the endpoint's URL are shown nowhere."""
    ended = kvsops("describe", "cam", "--endpoint-url", url, *debug)
    assert ended.code in {1, 2}
    assert "127.0.0.1" in ended.err or "not an endpoint" in ended.err
    assert "s3cr" not in ended.out + ended.err

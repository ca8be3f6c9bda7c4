"""No secret of a connection is in anything that `smoke`, `ice` and `endpoint` say or write."""

import json
import logging
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put
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


PROCESS = """#!/bin/sh
echo '{"Version": 1, "SecretAccessKey": "wJalrXUtnFEMI/s3cret", '
echo 'SecretAccessKey = wJalrXUtnFEMI/s3cret' >&2
exit $1
"""


@pytest.mark.parametrize("code", [0, 1])
def test_a_process_that_quotes_its_secret(
    kvsops: Kvsops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """What a profile's process prints is told, but not the key in it; nor by a traceback."""
    process, config = tmp_path / "process", tmp_path / "config"
    process.write_text(PROCESS)
    process.chmod(0o700)
    config.write_text(f"[default]\ncredential_process = {process} {code}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    ended = kvsops("list", "--debug")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert "s3cret" not in ended.out + ended.err


@pytest.mark.parametrize("name", ["config", "credentials"])
def test_a_file_of_credentials_that_is_broken(
    kvsops: Kvsops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The line that cannot be read, which may hold the key, is not quoted."""
    path = tmp_path / name
    path.write_text("[default]\naws_access_key_id = AKIA\naws_secret_access_key wJalr/s3cret\n")
    variable = "AWS_CONFIG_FILE" if name == "config" else "AWS_SHARED_CREDENTIALS_FILE"
    monkeypatch.setenv(variable, str(path))
    ended = kvsops("list", "--debug")
    assert ended.code == 2
    assert str(path) in ended.err
    assert "s3cret" not in ended.out + ended.err


COMMANDS = (
    ("create", "new"),
    ("list", "--tags"),
    ("list", "--cost"),
    ("describe", "cam"),
    ("update", "cam", "--message-ttl", "30"),
    ("tag", "cam", "a=b"),
    ("untag", "cam", "a"),
    ("delete", "cam", "--yes"),
    ("sweep", "--idle-for", "1d", "--prefix", "c", "--yes"),
    ("exec", "--", "true"),
    ("endpoint", "cam"),
    ("ice", "cam"),
    ("cost",),
    ("restore",),
)


@pytest.mark.parametrize("error", ["SignatureDoesNotMatch", "drop"])
@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_no_secret_in_any_command(
    kvsops: Kvsops,
    emulator: LocalServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    argv: tuple[str, ...],
    error: str,
) -> None:
    """Whatever command fails, and however: what --debug shows can be put into a bug report."""
    put(emulator, "cam")
    caplog.set_level(logging.DEBUG, logger="kvsops")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token/that+is=secret")
    emulator.settings.faults = (Fault("*", error),)
    ended = kvsops(*argv[:1], "--debug", *argv[1:])
    assert (ended.code == 0) is (argv == ("restore",))  # which reads no more than files
    text = ended.out + ended.err + caplog.text
    for secret in ("a-token", "that%2Bis", "kvsops-local-throw-away", "X-Amz-Signature"):
        assert secret not in text

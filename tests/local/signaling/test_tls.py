"""Who trusts the emulator's endpoints: its children, who trust all others as before."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import trustme

from kvsops.errors import UsageError
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.local.signaling import endpoints
from kvsops.local.signaling.tls import Authority

if TYPE_CHECKING:
    from pathlib import Path

ASK = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=20)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_children_trust_it(local: LocalServer) -> None:
    """A child that knows nothing but its environment can ask over TLS; this process cannot."""
    assert local.settings.endpoint_of is not None
    url = str(local.settings.endpoint_of("HTTPS", "MASTER")) + "/"
    command = [sys.executable, "-c", ASK, url]
    done = subprocess.run(
        command, env=local.environment(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("404\n", "")
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, timeout=20)  # noqa: S310 - the emulator's own


def test_others_are_still_trusted(tmp_path: Path) -> None:
    """The bundle holds all that was trusted before, each file once, and the authority."""
    mine = Authority({})
    (tmp_path / "mine.pem").write_text(mine.pem)
    (tmp_path / "same.pem").symlink_to(tmp_path / "mine.pem")
    inherited = {
        "SSL_CERT_FILE": str(tmp_path / "mine.pem"),
        "AWS_CA_BUNDLE": str(tmp_path / "same.pem"),
        "REQUESTS_CA_BUNDLE": str(tmp_path / "none.pem"),
    }
    authority = Authority(inherited)
    bundle = authority.bundle.read_text()
    assert bundle.count(mine.pem.strip()) == 1
    assert bundle.endswith(authority.pem)
    assert bundle.count("BEGIN CERTIFICATE") > 50
    context = ssl.create_default_context(cafile=str(authority.bundle))
    assert context.cert_store_stats()["x509_ca"] > 50
    assert authority.bundle.stat().st_mode & 0o077 == 0
    for made in (mine, authority):
        made.close()
        made.close()
        assert not made.bundle.exists()


def test_directories_of_authorities(tmp_path: Path) -> None:
    """What SSL_CERT_DIR holds is trusted on; broken certificates and keys are not taken over."""
    mine, made = Authority({}), trustme.CA()
    for number, directory in enumerate((tmp_path / "a", tmp_path / "b")):
        directory.mkdir()
        (directory / f"{number}.0").write_text(mine.pem)
    key, certificate = made.private_key_pem.bytes(), made.cert_pem.bytes()
    (tmp_path / "b" / "with-key.pem").write_bytes(key + certificate)
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    (tmp_path / "b" / "broken.pem").write_text(broken)
    (tmp_path / "b" / "inner").mkdir()
    named = os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b"), "/nowhere"])
    authority = Authority({"SSL_CERT_DIR": named})
    bundle = authority.bundle.read_text()
    assert bundle.count(mine.pem.strip()) == 1
    assert certificate.decode().strip() in bundle
    assert "PRIVATE KEY" not in bundle
    assert "AAAA\n-----END" not in bundle
    for each in (mine, authority):
        each.close()


def test_removed_at_the_end() -> None:
    """The bundle is there while the emulator runs, and not a moment longer."""
    local = LocalServer(Settings())
    for _ in range(2):
        with local:
            bundle = local.ca_bundle
            assert bundle is not None
            authority = local._endpoints
            assert authority is not None
            assert authority.authority.bundle.exists()
        assert not authority.authority.bundle.exists()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is named, with what installs it, and the port is free again."""
    monkeypatch.setattr(endpoints, "NEEDED", ("aiohttp", "no_such_module"))
    local = LocalServer(Settings())
    with pytest.raises(UsageError, match=r"no_such_module: pip install '\.\[local\]' in a clone"):
        local.start()
    local.settings.signaling = False
    with local:
        assert local.ca_bundle is None


def test_a_killed_one_leaves_no_bundle(tmp_path: Path) -> None:
    """The next emulator removes it, but none of those that live; nor what is not a bundle."""
    code = (
        "from kvsops.local.signaling.tls import Authority; import os; print(Authority({}).bundle)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    lives = subprocess.Popen(
        [sys.executable, "-c", f"{code}; import sys; sys.stdout.flush(); input()"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert lives.stdout
    bundle = lives.stdout.readline().strip()
    (tmp_path / "kvsops-local-other.txt").touch()
    killed = subprocess.run(
        [sys.executable, "-c", f"{code}; os.kill(os.getpid(), 9)"],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9
    assert len([*tmp_path.glob("*.pem")]) == 2
    ended = [
        sys.executable,
        "-c",
        code.replace("print(Authority({}).bundle)", "Authority({}).close()"),
    ]
    subprocess.run(ended, env=environment, check=True)
    assert [str(path) for path in tmp_path.glob("*.pem")] == [bundle]
    assert len([*tmp_path.iterdir()]) == 2
    lives.communicate("")

"""What `kvsops local` tells of where it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kvsops.cli.local_listening import notes
from kvsops.local import aws_names
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

REGION = "eu-west-1"
KVS = "kinesisvideo.eu-west-1.amazonaws.com"


def told(settings: Settings, hosts_file: Path) -> list[str]:
    """Return the notes on a server, which need not run for these."""
    return [*notes(LocalServer(settings, region=REGION), hosts_file)]


def test_nothing_to_tell(tmp_path: Path) -> None:
    """On loopback, with new ports and a new authority, nothing is told."""
    assert told(Settings(), tmp_path / "none") == []
    assert told(Settings(host="127.0.0.9", base_port=4579), tmp_path / "none") == []


def test_off_loopback(tmp_path: Path) -> None:
    """An address that others reach comes with a warning."""
    (note,) = told(Settings(host="192.0.2.2"), tmp_path / "none")
    assert note.startswith("warning: whoever reaches 192.0.2.2 can use this")


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1 localhost\n", "", f"# 127.0.0.2 {KVS}\n127.0.0.9 {KVS}\n127.0.0.2 {KVS}\n"],
)
def test_names_that_lead_elsewhere(tmp_path: Path, text: str) -> None:
    """What the hosts file does not lead here is printed, a line each, as the file has it."""
    hosts = tmp_path / "hosts"
    hosts.write_text(text)
    (note,) = told(Settings(host="127.0.0.2", aws_names=True), hosts)
    head, *lines = note.splitlines()
    assert head == "add to /etc/hosts, for AWS's names to lead here:"
    assert lines == [f"127.0.0.2 {name}" for name in aws_names.names("127.0.0.2", REGION)]
    assert lines[0] == f"127.0.0.2 {KVS}"


def test_names_that_lead_here(tmp_path: Path) -> None:
    """What it does lead here is not, however it is written."""
    hosts = tmp_path / "hosts"
    first, second, *rest = aws_names.names("127.0.0.2", REGION)
    hosts.write_text(f"\t127.0.0.2\t{' '.join(rest)} # ours\n127.0.0.2 {second.upper()}")
    (note,) = told(Settings(host="127.0.0.2", aws_names=True), hosts)
    assert note.splitlines()[1:] == [f"127.0.0.2 {first}"]
    hosts.write_text(f"{hosts.read_text()} {first}\n")
    assert told(Settings(host="127.0.0.2", aws_names=True), hosts) == []


def test_a_kept_authority(tmp_path: Path) -> None:
    """Where it is, and until when it is good."""
    with LocalServer(Settings(ca_dir=tmp_path)) as server:
        assert [*notes(server, tmp_path / "none")] == [
            f"its authority {tmp_path}/ca.pem is good until 3000-01-01."
        ]

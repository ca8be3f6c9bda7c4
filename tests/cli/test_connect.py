"""`kvsops endpoint` and `kvsops ice`: what a channel is connected through, without secrets."""

import json
import re

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put, writes


def test_endpoint(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Both roles' endpoints, or one's; nothing is written."""
    arn = put(emulator, "cam-door").arn
    ended = kvsops("endpoint", "cam-door", "-o", "json")
    master, viewer = json.loads(ended.out)
    assert (master["role"], viewer["role"]) == ("master", "viewer")
    for row in (master, viewer):
        assert list(row) == ["role", "wss", "https"]
        assert re.fullmatch(r"wss://127\.0\.0\.1:\d+", row["wss"])
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+", row["https"])
    assert master["wss"] != viewer["wss"]
    table = kvsops("endpoint", arn, "--role", "viewer")
    assert table.out.split() == ["ROLE", "WSS", "HTTPS", *viewer.values()]
    assert writes(emulator) == {}


def test_ice(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Each URI, STUN's first; the credentials are told to be there, and not shown."""
    put(emulator, "cam-door")
    rows = json.loads(kvsops("ice", "cam-door", "-o", "json").out)
    assert [row["uri"].partition(":")[0] for row in rows] == ["stun", "turn", "turns", "turns"]
    assert [row["ttl_seconds"] for row in rows] == [None, 300, 300, 300]
    shown = [(row["username"], row["password"]) for row in rows]
    assert shown == [(None, None), *3 * [("(redacted)", "(redacted)")]]
    assert "(redacted)" in kvsops("ice", "cam-door").out


def test_ice_revealed(kvsops: Kvsops, emulator: LocalServer) -> None:
    """With --reveal the credentials are shown, for another client to use."""
    put(emulator, "cam-door")
    rows = json.loads(kvsops("ice", "cam-door", "--reveal", "-o", "json").out)
    assert re.fullmatch(r"\d+:[A-Za-z0-9+/=]+", rows[1]["username"])
    assert len(rows[1]["password"]) == 44


@pytest.mark.parametrize("command", ["endpoint", "ice"])
def test_refused(kvsops: Kvsops, emulator: LocalServer, command: str) -> None:
    """A channel that is not there, and a permission that is missing, are told in one line."""
    ended = kvsops(command, "nope")
    assert (ended.code, ended.err) == (
        1,
        "error: no such channel: nope (us-east-1, account 123456789012)\n",
    )
    arn = put(emulator, "cam-door").arn
    operation = "GetSignalingChannelEndpoint" if command == "endpoint" else "GetIceServerConfig"
    emulator.settings.faults = (Fault(operation, "AccessDeniedException"),)
    ended = kvsops(command, "cam-door")
    assert ended.code == 1
    assert ended.err == (
        f"error: {operation} denied: the credentials need kinesisvideo:{operation} on {arn}\n"
    )


@pytest.mark.parametrize("command", ["endpoint", "ice", "smoke"])
def test_another_region(kvsops: Kvsops, command: str) -> None:
    """An ARN of another region is wrong usage."""
    arn = "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/cam/1700000000000"
    ended = kvsops(command, arn)
    assert ended.code == 2
    assert ended.err == f"error: {arn} is not in us-east-1: give its --region\n"

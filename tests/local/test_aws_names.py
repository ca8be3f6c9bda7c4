"""AWS's own host names: which are served, by whom, and which a hosts file must hold."""

from __future__ import annotations

import pytest

from kvsops.local import aws_names

KVS = "kinesisvideo.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("host", "side"),
    [
        (KVS, "CONTROL"),
        (f"m-26d02974.{KVS}", "MASTER"),
        (f"V-26D02974.{KVS.upper()}", "VIEWER"),
        (f"r-2c136a55.{KVS}:443", "HTTPS"),
        (f"v-2c136a55.{KVS}.", "VIEWER"),
        ("m-26d02974.kinesisvideo.cn-north-1.amazonaws.com.cn", "MASTER"),
        ("sts.amazonaws.com", "CONTROL"),
        ("monitoring.eu-west-1.amazonaws.com", "CONTROL"),
        ("127.0.0.1", "CONTROL"),
        (f"m-26d02974.{KVS}.evil.example", "CONTROL"),
        ("", "CONTROL"),
    ],
)
def test_sides(host: str, side: str) -> None:
    """The first letter of a channel's endpoint tells who answers; all else is the API's."""
    assert aws_names.side_of(host) == side


@pytest.mark.parametrize(
    ("name", "served"),
    [
        (KVS, True),
        (f"stun.{KVS}", True),
        (f"34-219-91-62.t-1cd92f6b.{KVS}", True),
        (f"r-2c136a55.{KVS}", True),
        ("tagging.us-gov-west-1.amazonaws.com", True),
        ("api.pricing.us-east-1.amazonaws.com", True),
        ("s3.eu-west-1.amazonaws.com", False),
        (f"x-2c136a55.{KVS}", False),
        (f"m-2c136a55.{KVS}.", False),
        (f"{KVS}.example", False),
        ("evil.example", False),
        (f"evil.example/{KVS}", False),
        (f"m-2c136a55.{KVS}\n", False),
        (f"-------.t-1cd92f6b.{KVS}", False),
        ("kinesisvideo.-.amazonaws.com", False),
        ("kinesisvideo.us--east-1.amazonaws.com", False),
        ("kinesisvideo.us-iso-east-1.amazonaws.com", True),
        ("kinesisvideo.eusc-de-east-1.amazonaws.com", True),
        ("", False),
    ],
)
def test_served(name: str, *, served: bool) -> None:
    """No name is served that is not one of those; a certificate is made for no other."""
    assert aws_names.is_served(name) == served


@pytest.mark.parametrize(
    ("region", "domain"),
    [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")],
)
def test_names(region: str, domain: str) -> None:
    """What a hosts file needs is what is told as endpoint and TURN server, and is served."""
    names = aws_names.names("192.0.2.7", region)
    assert len(names) == len(set(names)) == 11
    assert all(map(aws_names.is_served, names))
    told = {
        aws_names.endpoint(protocol, role, region).partition("://")[2]
        for protocol, role in (("WSS", "MASTER"), ("WSS", "VIEWER"), ("HTTPS", "MASTER"))
    }
    assert told < set(names)
    assert {aws_names.side_of(name) for name in told} == {"MASTER", "VIEWER", "HTTPS"}
    assert aws_names.endpoint("WSS", "VIEWER", region).startswith("wss://v-")
    assert aws_names.endpoint("HTTPS", "VIEWER", region).startswith("https://r-")
    assert f"stun.kinesisvideo.{region}.{domain}" in names
    turn = aws_names.turn("192.0.2.7", region)
    assert turn in names
    assert turn.startswith("192-0-2-7.t-")
    assert turn.endswith(f".kinesisvideo.{region}.{domain}")

"""What is refused, by its size and otherwise, and the log's line for each, which alone tells."""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING

import pytest

from kvsops.local.faults import Fault
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, counted, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def offer(length: int) -> str:
    """Write an offer as a browser does, with a payload of so many bytes and no correlation id."""
    encoded = base64.b64encode(b"s" * length).decode()
    return json.dumps({"action": "SDP_OFFER", "messagePayload": encoded})


@pytest.mark.parametrize(
    ("strict", "taken", "refused", "line"),
    [
        (
            False,
            10_240,
            10_241,
            "kvsops local: front-door: SDP_OFFER of 13,701 characters by the viewer v1 was refused,"
            " untold for want of a correlation id: InvalidArgumentException: messagePayload has "
            "10,241 bytes: it may have 10,240",
        ),
        (
            True,
            7_500,
            7_501,
            "kvsops local: front-door: SDP_OFFER of 10,049 characters by the viewer v1 was refused,"
            " untold for want of a correlation id: InvalidArgumentException: messagePayload has "
            "10,004 characters of base64: it may have 10,000",
        ),
    ],
    ids=["by default", "strictly"],
)
def test_large_payloads(
    *,
    local: LocalServer,
    arn: str,
    caplog: pytest.LogCaptureFixture,
    strict: bool,
    taken: int,
    refused: int,
    line: str,
) -> None:
    """10k are read as bytes of text, or strictly, as characters of base64; refusals are counted."""
    local.settings.strict_payloads = strict

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        for length in (taken, refused):
            await viewer.ws.send_str(offer(length))
        await viewer.send(CANDIDATE, "the next")
        first, second = await master.payloads(2)
        assert (len(first or ""), second) == (taken, "the next")

    run(local, body)
    assert lines(caplog) == [line]
    assert counted(local, "Failure", "SendSdpOffer") == (2, 1)


def test_an_answer_is_measured_too(local: LocalServer, arn: str) -> None:
    """A master's messages have the same limit, and it is told if it gave a correlation id."""
    local.settings.strict_payloads = True

    async def body(peers: Peers) -> None:
        master = await peers.master(arn)
        for action in (ANSWER, OFFER, CANDIDATE):
            await master.send(action, "a" * 7_501, to="v1", correlation_id="7")
            status = await master.refusal()
            assert (status.correlation_id, status.status_code) == ("7", "400")
            assert "10,004 characters of base64" in str(status.description)

    run(local, body)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "",
            "kvsops local: front-door: a message of 0 characters by the master was refused, untold"
            " for want of a correlation id: InvalidArgumentException: the message is not JSON",
        ),
        (
            '{"action": "SDP_ANSWER", "messagePayload": "c2VjcmV0", "correlationId": "7"}',
            "kvsops local: front-door: SDP_ANSWER of 76 characters by the master was refused: "
            "InvalidArgumentException: recipientClientId is missing",
        ),
        (
            '{"action": "ICE_CANDIDATE", "messagePayload": "secret!", "recipientClientId": "v1"}',
            "kvsops local: front-door: ICE_CANDIDATE of 83 characters by the master was refused, "
            "untold for want of a correlation id: InvalidArgumentException: messagePayload is not "
            "base64 of UTF-8 text",
        ),
        (
            '{"action": "\\u001b[2J", "messagePayload": "c2VjcmV0"}',
            "kvsops local: front-door: a message of 53 characters by the master was refused, untold"
            " for want of a correlation id: InvalidArgumentException: action is none of SDP_OFFER, "
            "SDP_ANSWER, ICE_CANDIDATE",
        ),
    ],
)
def test_a_line_for_each_refusal(
    *, local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture, text: str, line: str
) -> None:
    """Who, what, how large and why; whether the sender learns of it; nothing of what was in it."""

    async def body(peers: Peers) -> None:
        master = await peers.master(arn)
        await master.ws.send_str(text)
        if '"correlationId"' in text:
            await master.refusal()
        await master.settle()

    run(local, body)
    assert lines(caplog)[0] == line
    assert "secret" not in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_rates_are_told(local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture) -> None:
    """A burst beyond the rate vanishes without a correlation id: the log says so."""
    local.settings.quotas = True

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        for number in range(6):
            await viewer.send(OFFER, str(number))
        await viewer.send(CANDIDATE, "the next")
        assert await master.payloads(6) == ["0", "1", "2", "3", "4", "the next"]

    run(local, body)
    (line,) = lines(caplog)
    assert line.endswith("correlation id: ClientLimitExceededException: Rate exceeded")


def test_connects_are_told(local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture) -> None:
    """A browser's page learns nothing of a refused connect: the log has a line, with no secret."""

    async def body(peers: Peers) -> None:
        url = peers.url("VIEWER", arn, "v1")
        await peers.refused(url.replace("Expires=299", "Expires=604801"))
        local.settings.faults = (Fault("ConnectAsViewer", "InternalFailure"),)
        await peers.refused(url)
        assert url.rpartition("=")[2] not in caplog.text

    run(local, body)
    assert lines(caplog) == [
        "kvsops local: ConnectAsViewer was refused: AccessDeniedException: X-Amz-Expires must be 1 "
        "to 604800 seconds.",
        "kvsops local: ConnectAsViewer to front-door was refused: InternalFailure: A fault of "
        "kvsops local, asked for.",
    ]

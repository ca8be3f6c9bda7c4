"""TURN servers that answer nonsense: each probe ends with a verdict, in its time, in silence."""

import asyncio
import itertools
import logging

import pytest

from kvsops.core.wire.ice import IceServer
from kvsops.local.turn.server import TurnServer
from kvsops.peers.probe import Probe, probe, probe_all
from tests.peers.strange_turn import Change, by_chance, strange, with_short

LIFETIME, RELAYED, MAPPED = 0x000D, 0x0016, 0x0020
SEEDS = 60


def ask(change: Change, *forms: str, seconds: float = 3.0) -> list[Probe]:
    """Probe these URIs of a server whose answers are changed."""

    async def asked() -> list[Probe]:
        async with (
            TurnServer({"who": "a word"}.get) as server,
            strange(server, change) as (udp, tcp),
        ):
            uris = [form.format(udp=udp, tcp=tcp) for form in forms]
            found = await probe_all([IceServer((*uris,), "who", "a word")], seconds)
            await asyncio.sleep(0)
            return found

    return asyncio.run(asked())


@pytest.mark.parametrize("form", ["turn:127.0.0.1:{udp}", "turn:127.0.0.1:{tcp}?transport=tcp"])
@pytest.mark.parametrize("kind", [LIFETIME, RELAYED, MAPPED])
def test_too_short(form: str, kind: int, caplog: pytest.LogCaptureFixture) -> None:
    """An attribute of two octets fails the probe at once, with its reason."""
    [found] = ask(with_short(kind), form, seconds=20)
    assert found.result == "failed"
    assert (found.reason or "").startswith("its answer is malformed: ")
    assert found.seconds < 5
    assert caplog.messages == []


def test_stun_too_short() -> None:
    """So it does where STUN is asked."""
    [found] = ask(with_short(MAPPED), "stun:127.0.0.1:{udp}", seconds=20)
    assert (found.reason or "").startswith("its answer is malformed: ")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".", "[::", "xn--a", "0"])
def test_strange_hosts(host: str) -> None:
    """A host name that no resolver takes is one probe that failed."""
    uri = f"turns:{host.replace('[::', '[::]')}:5349?transport=tcp"
    found = asyncio.run(probe(uri, IceServer((uri,), "who", "a word"), seconds=2))
    assert found.result == "failed"
    assert found.reason


def test_by_chance(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is changed, there is a verdict within the time given, and nothing is logged."""
    caplog.set_level(logging.WARNING)
    forms = ("stun:127.0.0.1:{udp}", "turn:127.0.0.1:{udp}", "turn:127.0.0.1:{tcp}?transport=tcp")

    async def all_of_them() -> list[Probe]:
        async with TurnServer({"who": "a word"}.get, max_allocations=10_000) as server:

            async def one(seed: int) -> list[Probe]:
                async with strange(server, by_chance(seed)) as (udp, tcp):
                    uris = [form.format(udp=udp, tcp=tcp) for form in forms]
                    return await probe_all([IceServer((*uris,), "who", "a word")], 3)

            found = await asyncio.gather(*(one(seed) for seed in range(SEEDS)))
            return list(itertools.chain.from_iterable(found))

    found = asyncio.run(all_of_them())
    assert len(found) == SEEDS * len(forms)
    assert {each.result for each in found} == {"ok", "failed"}
    assert [each for each in found if each.result == "failed" and not each.reason] == []
    assert max(each.seconds for each in found) < 20
    assert caplog.messages == []

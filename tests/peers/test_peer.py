"""One end of a connection, beside another in this process."""

import asyncio
import re
import time
from dataclasses import replace

import pytest
from aioice.ice import get_host_addresses
from aioice.mdns import create_mdns_hostname, create_mdns_protocol

from kvsops.core.wire.payload import Candidate, Description
from kvsops.peers.call import Call
from kvsops.peers.codecs import Negotiated
from kvsops.peers.ice import Ice
from kvsops.peers.pair import Pair, candidates
from kvsops.peers.peer import CANDIDATES, Peer
from kvsops.peers.tracks import numbered
from tests.peers.mdns import NAME, browser
from tests.smoke.conftest import ADDRESSES

IPV4 = get_host_addresses(use_ipv4=True, use_ipv6=False)


@pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: nothing to offer")
def test_negotiated() -> None:
    """It is what the answer names, with its clock rate: a camera may have G.711."""

    async def told() -> tuple[list[list[Negotiated]], list[int]]:
        viewer, master = (Peer(name, Ice(), numbered(0, (320, 240))) for name in ("one", "two"))
        offer = await viewer.describe("offer")
        others = re.sub("(opus|G722|PCMA)/", "none/", offer.sdp)
        await master.accept(replace(offer, sdp=others))
        await viewer.accept(await master.describe("answer"))
        agreed = [viewer.negotiated, master.negotiated]
        codec = viewer.codec(0)
        rates = [] if codec is None else [codec.clockRate]
        await asyncio.gather(viewer.close(), master.close())
        return agreed, rates

    agreed, rates = asyncio.run(told())
    assert agreed == [
        [
            Negotiated(name, "0", "video", "sendrecv", ["VP8", "H264"]),
            Negotiated(name, "1", "audio", "sendrecv", ["PCMU"]),
        ]
        for name in ("one", "two")
    ]
    assert rates == [8_000]


@pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: nothing to offer")
@pytest.mark.parametrize("named", ["offer", "answer"])
def test_names_for_addresses(named: str) -> None:
    """Browsers hide their addresses behind names: nobody waits until one proves to be unknown."""

    def hidden(description: Description) -> Description:
        if description.type != named:
            return description
        host = re.compile(r"(a=candidate:(?:\S+ ){4})\S+")
        return replace(
            description, sdp=host.sub(rf"\g<1>{create_mdns_hostname()}", description.sdp)
        )

    async def told() -> tuple[list[bool], list[str]]:
        viewer, master = Peer("viewer", Ice()), Peer("master", Ice())
        mdns = await create_mdns_protocol()
        offer = hidden(await viewer.describe("offer"))
        unknown = asyncio.create_task(mdns.resolve(create_mdns_hostname()))
        await asyncio.sleep(0)
        await master.accept(offer)
        waited = [unknown.done()]
        answer = hidden(await master.describe("answer"))
        await unknown
        unknown = asyncio.create_task(mdns.resolve(create_mdns_hostname()))
        await asyncio.sleep(0)
        await viewer.accept(answer)
        waited.append(unknown.done())
        await asyncio.gather(viewer.reach_dtls(), master.reach_dtls())
        states = [viewer.connection.connectionState, master.connection.connectionState]
        await asyncio.gather(viewer.close(), master.close(), mdns.close(), unknown)
        return waited, states

    waited, states = asyncio.run(told())
    assert waited == [False, False]
    assert states == ["connected", "connected"]


@pytest.mark.skipif(not IPV4, reason="no IPv4 address but loopback ones: nothing to name")
def test_the_address_behind_a_name() -> None:
    """A name that Chromium answers for is found, and the pair has its address."""

    def alone(description: Description, host: str) -> Description:
        """Leave one candidate, and put this in the place of its address."""
        other = re.compile(rf"a=candidate:(?!(?:\S+ ){{4}}{IPV4[0]} ).*\r\n")
        one = other.sub("", description.sdp)
        return replace(description, sdp=one.replace(f" {IPV4[0]} ", f" {host} "))

    async def told() -> tuple[Pair | None, str]:
        viewer, master = Peer("viewer", Ice()), Peer("master", Ice())
        network = await browser(IPV4[0])
        await master.accept(alone(await viewer.describe("offer"), NAME))
        await viewer.accept(alone(await master.describe("answer"), IPV4[0]))
        await asyncio.gather(viewer.reach_dtls(), master.reach_dtls())
        while (found := candidates(master.connection)[1]) != "1 host":
            await asyncio.sleep(0.01)
        pair = master.pair
        await asyncio.gather(viewer.close(), master.close())
        network.close()
        return pair, found

    pair, found = asyncio.run(asyncio.wait_for(told(), 20))
    assert found == "1 host"
    assert pair is not None
    assert pair.remote_address.startswith(f"{IPV4[0]}:")


@pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: nothing to offer")
def test_too_many_candidates() -> None:
    """Of 10,000 candidates, also before the answer, some are tried; none holds up what follows."""
    many = [
        Candidate(f"candidate:{number} 1 udp {number} 192.0.2.{number % 250} {number} typ host")
        for number in range(1, 10_001)
    ]
    strange = [
        Candidate(text)
        for text in (
            "candidate:",
            "candidate:1 1 udp 9 192.0.2.1 99999 typ host",
            "candidate:1 1 udp 9 192.0.2.1 -1 typ host",
            "candidate:1 1 udp " + "9" * 5000 + " 192.0.2.1 1 typ host",
            "candidate:1 1 udp 9 nowhere.invalid 1 typ host",
            "candidate:1 1 udp 9 0a5b6c7d.local 1 typ host",
            "candidate:1 1 tcp 9 \ud800 1 typ host",
        )
    ]

    def endless(description: Description) -> Description:
        return replace(description, sdp=description.sdp.replace("a=end-of-candidates\r\n", ""))

    async def told() -> tuple[str, float]:
        viewer, master = (Peer(name, Ice(), numbered(0, (320, 240))) for name in ("one", "two"))
        call = Call("one", viewer=viewer, master=master)
        for candidate in many:
            await call.add("viewer", candidate)
        assert len(call.early["viewer"]) == CANDIDATES
        await call.accept("master", endless(await viewer.describe("offer")))
        await call.accept("viewer", endless(await master.describe("answer")))
        began = time.monotonic()
        for candidate in [*strange, *many]:
            await call.add("viewer", candidate)
            await call.add("master", candidate)
        await asyncio.gather(viewer.reach_ice(), master.reach_ice())
        took = time.monotonic() - began
        _, remote = candidates(viewer.connection)
        await asyncio.gather(viewer.close(), master.close())
        return remote, took

    remote, took = asyncio.run(told())
    assert CANDIDATES <= int(remote.split()[0]) <= CANDIDATES + 20
    assert took < 8

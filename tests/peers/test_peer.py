"""One end of a connection, beside another in this process."""

import asyncio

import pytest
from aiortc import RTCRtpSender

from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import numbered
from tests.smoke.conftest import ADDRESSES


@pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: nothing to offer")
def test_clock_rates() -> None:
    """They are those of the codec that the answer names: a camera may have G.711."""

    async def told() -> list[dict[str, int]]:
        viewer, master = (Peer(name, Ice(), numbered(0, (320, 240))) for name in ("one", "two"))
        known = RTCRtpSender.getCapabilities("audio").codecs
        [audio] = [each for each in master.connection.getTransceivers() if each.kind == "audio"]
        audio.setCodecPreferences([each for each in known if each.mimeType == "audio/PCMU"])
        await master.accept(await viewer.describe("offer"))
        await viewer.accept(await master.describe("answer"))
        rates = [viewer.clock_rates, master.clock_rates]
        await asyncio.gather(viewer.close(), master.close())
        return rates

    assert asyncio.run(told()) == 2 * [{"video": 90_000, "audio": 8_000}]

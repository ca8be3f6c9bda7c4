"""What reaches into private parts of aioice: this file alone.

aioice does not let one choose how a pair is nominated, nor tell which pair carries the packets.
Where the versions of aioice and aiortc are not those below, nothing here touches them: aioice
nominates in its own way, and what it does is not known.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import takewhile
from math import inf
from typing import Final

import aioice
from aioice import stun
from aioice.ice import CandidatePair, StunProtocol, candidate_pair_priority
from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsTransport

from kvsops.peers.waits import end_all

KNOWN_VERSIONS: Final = {"aioice": "0.13.", "aiortc": "1.16."}
"""The releases whose private parts were read, by what their numbers begin with."""
RELAYED_SECONDS: Final = 1.0
"""How long a relayed pair that works waits for a better one: a NAT may need a second packet, which
comes after 0.5 s."""
DIRECT_SECONDS: Final = 0.25
NOMINATION_RETRIES: Final = 2
"""Of a nomination that is not answered, after 0.5 and 1.5 s; after 3.5 s the next pair is tried."""
PACE_SECONDS: Final = 0.02
_STUN_BELOW: Final = 4
"""First bytes below this are STUN's. Source: https://www.rfc-editor.org/rfc/rfc7983#section-7"""
_ROLE_CONFLICT: Final = 487

Address = tuple[str, int]
State = CandidatePair.State


@dataclass(slots=True)
class Traffic:
    """What went over a pair: packets of DTLS and media, and when anything came, STUN too."""

    sent: int = 0
    received: int = 0
    heard: float = -inf


@dataclass(frozen=True, slots=True)
class Way:
    """The two candidates of a pair, and what went over it."""

    local: aioice.Candidate
    remote: aioice.Candidate
    address: Address
    """The remote one's; a browser gives it but a name."""
    traffic: Traffic


def unknown_version() -> str | None:
    """Name the library, with its version, whose private parts may be others by now."""
    found = {name: version(name) for name in KNOWN_VERSIONS}
    strange = [
        f"{name} {number}"
        for name, number in found.items()
        if not number.startswith(KNOWN_VERSIONS[name])
    ]
    return ", ".join(strange) or None


def transports(peer: RTCPeerConnection) -> list[RTCDtlsTransport]:
    """Return those that its media and data use: one, where all is bundled."""
    found = [each.receiver.transport for each in peer.getTransceivers()]
    if peer.sctp is not None:
        found.append(peer.sctp.transport)
    return list(dict.fromkeys(found))


def prepare(peer: RTCPeerConnection) -> None:
    """Take over nomination and counting, before candidates are gathered."""
    if unknown_version():
        return
    for transport in transports(peer):
        transport.transport._connection.__class__ = Connection


def ways(peer: RTCPeerConnection) -> list[Way]:
    """Return the pairs that carried packets, the busiest first; before any, the nominated."""
    found = [way for ice in connections(peer) for way in ice.ways()]
    return sorted(found, key=lambda way: -(way.traffic.sent + way.traffic.received))


def any_works(peer: RTCPeerConnection) -> bool:
    """Whether some pair passed its check, nominated or not."""
    return any(ice.valid() for ice in connections(peer))


def connections(peer: RTCPeerConnection) -> Iterator["Connection"]:
    """Yield those of ours among its ICE connections: none where nothing here touches them."""
    found = (getattr(each.transport, "_connection", None) for each in transports(peer))
    return (ice for ice in found if isinstance(ice, Connection))


class Connection(aioice.Connection):
    """An ICE connection, of one component, that nominates regularly and counts packets.

    aioice nominates every pair that it checks, and uses the last that succeeded. This one, where
    it controls, nominates the best pair that works, after a short wait for better ones; else it
    uses the best of those that the other end nominated.
    Source: https://www.rfc-editor.org/rfc/rfc8445#section-8.1.1
    """

    silent_seconds = 10.0
    """Without a packet for so long, two consent checks, a nominated pair gives way to another."""

    @cached_property
    def traffic(self) -> defaultdict[tuple[StunProtocol, Address], Traffic]:
        """What went from and to each of our candidates, by the other end's address."""
        return defaultdict(Traffic)

    async def gather_candidates(self) -> None:
        """Gather, and count from then on what comes to each candidate."""
        await super().gather_candidates()
        for protocol in self._protocols:
            protocol.__class__ = _Protocol

    async def connect(self) -> None:
        """Check the pairs; raises `ConnectionError` where none was nominated."""
        self.remote_is_lite = True  # else aioice nominates what it checks
        self._nominating.update(self._components)  # else aioice nominates the first that succeeds
        nominating = asyncio.ensure_future(self._nominate())
        try:
            await super().connect()
        finally:
            await end_all([nominating])
        self._check_again()

    async def sendto(self, data: bytes, component: int) -> None:
        """Send over the pair in use, and count it."""
        if pair := self._nominated.get(component):
            self.traffic[pair.protocol, pair.remote_addr].sent += 1
        await super().sendto(data, component)

    def check_complete(self, pair: CandidatePair) -> None:
        """Take in what came of a check, without leaving a better pair for this one."""
        used = self._nominated.get(pair.component)
        super().check_complete(pair)
        if used is not None and self._priority(used) > self._priority(pair) and self._hears(used):
            self._nominated[pair.component] = used

    def valid(self) -> list[CandidatePair]:
        """Return the pairs that work, the best first."""
        return [pair for pair in self._check_list if pair.state is State.SUCCEEDED]

    def in_use(self) -> list[CandidatePair]:
        """Return the pair that media is sent over, if there is one."""
        return [*self._nominated.values()]

    def ways(self) -> Iterator[Way]:
        """Yield the pairs that carried packets; before any did, the nominated one."""
        known = {(each._network_host, each.port): each for each in self._remote_candidates}
        used = [
            (protocol, address)
            for (protocol, address), each in self.traffic.items()
            if address in known and each.sent + each.received
        ]
        nominated = [(pair.protocol, pair.remote_addr) for pair in self._nominated.values()]
        for protocol, address in used or nominated:
            traffic = self.traffic[protocol, address]
            yield Way(protocol.local_candidate, known[address], address, traffic)

    def _check_list_maybe_fail(self) -> None:
        if not self.valid():  # else one is about to be nominated
            super()._check_list_maybe_fail()

    def _check_again(self) -> None:
        """Let pairs be checked whose checks aioice ended, as one was nominated before them."""
        for pair in self._check_list:
            if pair.state is State.IN_PROGRESS:
                pair.task, pair.state = None, State.FROZEN
                if pair.remote_nominated:
                    self.check_start_task(pair)

    async def _nominate(self) -> None:
        """Nominate the best pair, and where that fails the next, as long as our end controls."""
        loop, works_since = asyncio.get_running_loop(), None
        while not self._check_list_done:
            if self.ice_controlling and (valid := self.valid()):
                works_since = works_since or loop.time()
                if loop.time() >= works_since + self._patience(valid[0]):
                    await self._nominate_pair(valid[0])
            await asyncio.sleep(PACE_SECONDS)

    def _patience(self, best: CandidatePair) -> float:
        """Return how many seconds to wait for a pair that is better than this one."""
        local, remote = best.local_candidate, best.remote_candidate
        better = takewhile(
            lambda pair: self._priority(pair) > self._priority(best), self._check_list
        )
        known = any(pair.state is not State.FAILED for pair in better)
        highest = max(each.priority for each in self._local_candidates)  # a relay's, if only that
        best_of_all = (
            best.local_candidate.priority == highest and best.remote_candidate.type == "host"
        )
        if not known and (best_of_all or not self._remote_candidates_expected()):
            return 0.0
        return RELAYED_SECONDS if "relay" in (local.type, remote.type) else DIRECT_SECONDS

    async def _nominate_pair(self, pair: CandidatePair) -> None:
        request = self.build_request(pair, nominate=True)
        key = (self.remote_password or "").encode()
        try:
            await pair.protocol.request(request, pair.remote_addr, key, NOMINATION_RETRIES)
        except stun.TransactionError as error:
            if error.response is not None and error.response.error_code == _ROLE_CONFLICT:
                self.switch_role(ice_controlling=False)
                return
            self.check_state(pair, State.FAILED)
        else:
            pair.nominated = True
        self.check_complete(pair)

    def _hears(self, pair: CandidatePair) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self.traffic[pair.protocol, pair.remote_addr].heard < self.silent_seconds

    def _priority(self, pair: CandidatePair) -> int:
        ends = pair.local_candidate, pair.remote_candidate
        return candidate_pair_priority(*ends, self.ice_controlling)


class _Protocol(StunProtocol):
    """A socket or allocation that counts what comes to it."""

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        if isinstance(self.receiver, Connection) and isinstance(data, bytes):
            traffic = self.receiver.traffic[self, (addr[0], addr[1])]
            traffic.heard = asyncio.get_running_loop().time()
            traffic.received += data[:1] >= bytes([_STUN_BELOW])
        super().datagram_received(data, addr)

"""An ICE agent that is not aioice's: it answers, nominates and is silent as a test wants."""

import asyncio
from typing import Final, Self, cast

from aioice import Candidate, stun
from aioice.candidate import candidate_priority
from aioice.stun import Class, Message, Method

USERNAME, PASSWORD = "them", "a-password-of-the-other-end"
MUTE: Final = float("inf")


class Place(asyncio.DatagramProtocol):
    """One address of the agent, as a candidate of this type, which answers after `delay` seconds.

    `seconds_of_nomination`: the same for a check that nominates.
    """

    transport: asyncio.DatagramTransport

    def __init__(self, kind: str, delay: float = 0.0, of_nomination: float | None = None) -> None:
        self.kind, self.delay = kind, delay
        self.of_nomination = delay if of_nomination is None else of_nomination
        self.nominations: set[bytes] = set()
        """The transactions of checks that nominated this address."""
        self.checks: set[bytes] = set()
        """Those of the others; a consent check is one."""
        self.data: list[bytes] = []
        self.last: Message | None = None
        """The last response to a check of its own."""

    @property
    def candidate(self) -> Candidate:
        """Return it as it is signalled."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        priority = candidate_priority(1, self.kind)
        return Candidate(f"{self.kind}{port}", 1, "udp", priority, host, port, self.kind)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a check, or keep the data."""
        if data[0] > 3:
            self.data.append(data)
            return
        message = stun.parse_message(data)
        if message.message_class is not Class.REQUEST:
            self.last = message
            return
        nominates = "USE-CANDIDATE" in message.attributes
        (self.nominations if nominates else self.checks).add(message.transaction_id)
        delay = self.of_nomination if nominates else self.delay
        if delay != MUTE:
            asyncio.get_running_loop().call_later(delay, self._respond, message, addr)

    def _respond(self, request: Message, addr: tuple[str, int]) -> None:
        response = Message(Method.BINDING, Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = addr
        response.add_message_integrity(PASSWORD.encode())
        self.transport.sendto(bytes(response), addr)


class Agent:
    """The agent at these places; `check` makes it the controlling end."""

    def __init__(self, host: str, *places: Place) -> None:
        self.host, self.places = host, places

    async def __aenter__(self) -> Self:
        """Bind the places."""
        loop = asyncio.get_running_loop()
        for place in self.places:
            await loop.create_datagram_endpoint(lambda at=place: at, local_addr=(self.host, 0))  # type: ignore[misc]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        for place in self.places:
            place.transport.close()
        await asyncio.sleep(0.01)  # their sockets close in the next round of the loop

    def check(
        self, place: Place, to: Candidate, username: str, password: str, *, nominate: bool
    ) -> None:
        """Send one check from there, as a controlling end does."""
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["USERNAME"] = f"{username}:{USERNAME}"
        request.attributes["PRIORITY"] = candidate_priority(1, "prflx")
        request.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(password.encode())
        place.transport.sendto(bytes(request), (to.host, to.port))

"""A viewer and the channel's master, and what each has heard of the other."""

import asyncio
from dataclasses import dataclass, field

from kvsops.core.wire.ice import Role
from kvsops.core.wire.payload import Candidate, Description
from kvsops.peers.peer import CANDIDATES, Peer
from kvsops.signaling.session import Session


@dataclass(slots=True)
class Call:
    """A viewer and the channel's master; an end that is None is somebody else's."""

    client_id: str
    instead_of: str | None = None
    """The client id that was not answered, where this one offers in its place."""
    session: Session | None = None
    """The viewer's."""
    listening: asyncio.Task[None] | None = None
    """Takes what comes to the viewer."""
    viewer: Peer | None = None
    master: Peer | None = None
    offer: Description | None = None
    offered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a master of ours has the offer."""
    answers: asyncio.Queue[Description] = field(default_factory=asyncio.Queue)
    early: dict[Role, list[Candidate]] = field(default_factory=dict)
    """Candidates that came before the description they belong to, by whom they are for."""

    @property
    def ends(self) -> list[Peer]:
        """The ends that are ours, the viewer's first."""
        return [end for end in (self.viewer, self.master) if end is not None]

    def other(self, end: Peer) -> str:
        """Return the name of the end that is not this one."""
        if end is not self.master:
            return "master"
        return "viewer" if self.viewer is None else self.viewer.name

    def forget(self) -> None:
        """Drop what was kept for an offer of an earlier run."""
        while not self.answers.empty():
            self.answers.get_nowait()
        self.early.clear()

    async def accept(self, role: Role, description: Description) -> None:
        """Hand our end of this role the other's description; raises `PeerError`."""
        if peer := self._end(role):
            await peer.accept(description)
            for candidate in self.early.pop(role, []):
                await peer.add(candidate)

    async def add(self, role: Role, candidate: Candidate) -> None:
        """Hand our end of this role a candidate of the other, or keep it until it can be used."""
        peer = self._end(role)
        if peer is None or peer.connection.remoteDescription is None:
            early = self.early.setdefault(role, [])
            if len(early) < CANDIDATES:
                early.append(candidate)
        else:
            await peer.add(candidate)

    def _end(self, role: Role) -> Peer | None:
        return self.master if role == "master" else self.viewer

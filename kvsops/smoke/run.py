"""A smoke test from its first step to its last, and the end of all that it began."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from kvsops.core.wire.ice import Endpoints, IceServer, Role
from kvsops.errors import PeerError
from kvsops.peers.codecs import codecs
from kvsops.peers.ice import Ice, choose, require_relay
from kvsops.peers.meeting import Meeting
from kvsops.peers.peer import Peer
from kvsops.peers.probe import Probe, probe_all
from kvsops.signaling.session import Session
from kvsops.signaling.threads import in_thread
from kvsops.smoke.arrival import Arrival
from kvsops.smoke.ends import Ends
from kvsops.smoke.plan import (
    CHECKS_ONLY,
    MORE_VIEWERS,
    ROLES,
    SECOND_ANSWERED,
    VIEWERS,
    Mode,
    Subject,
    Target,
    Wanted,
    mode_for,
    no_master,
    steps_of,
)
from kvsops.smoke.report import Measure, SmokeReport
from kvsops.smoke.steady import pair_in_use, steady
from kvsops.smoke.steps import Step, StepFailedError, Steps

SLACK_SECONDS: Final = 5.0
END_SECONDS: Final = 8.0
"""What the end of all that was begun may take: goodbyes, and allocations given back."""
NO_ANSWER: Final = "AWS did not answer in time"
NOT_DELIVERED: Final = "the master did not receive the offer: the service did not deliver it"
NO_VIEWER: Final = "no viewer connected and sent an offer"


async def smoke(
    subject: Subject,
    wanted: Wanted,
    limits: dict[Measure, float] | None = None,
    *,
    tell: Callable[[Step], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    snapshot: Callable[[Peer], object] = lambda _: None,
) -> SmokeReport:
    """Test the channel; the report tells how far it came, and all that was begun has ended.

    `snapshot` is handed the peer that receives, while it still has its last picture. Raises
    `UsageError` (also for credentials), which is no answer about the channel.
    """
    run = _Run(subject, wanted, tell, clock, now)
    try:
        await run.all_steps()
    except StepFailedError:
        pass  # the step holds the reason
    except PeerError as error:
        run.steps.blame(str(error))
    finally:
        try:
            run.picture(snapshot)
        finally:
            await run.close()
    run.report.judge(limits or {})
    return run.report


class _Run:
    """One test: what it has learned so far."""

    meeting: Meeting | None = None

    def __init__(
        self,
        subject: Subject,
        wanted: Wanted,
        tell: Callable[[Step], object],
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._find_target, self._access = subject.target, subject.access
        self._wanted, self._clock, self._now = wanted, clock, now
        self._limits = wanted.limits
        self._mode: Mode = wanted.mode or "loop"
        self.steps = Steps(steps_of(self._mode, lasting=wanted.duration > 0), tell, clock)
        self.report = SmokeReport(subject.channel_name, now(), self.steps.all, self._mode)
        self._endpoints: dict[Role, Endpoints] = {}

    def picture(self, snapshot: Callable[[Peer], object]) -> None:
        """Hand out the first of our ends that has a picture: a viewer's, else the master's."""
        ends = self.meeting.ends if self.meeting is not None else []
        if pictured := next((end for end in ends if end.received.last_picture is not None), None):
            snapshot(pictured)

    async def all_steps(self) -> None:
        """Take one step after the other; raises `StepFailedError` where one fails."""
        await self._describe()
        await self._find_endpoints()
        servers = await self._find_ice_servers()
        probes = await self._probe(servers)
        if self._mode == "checks":
            return
        await self._sign()
        client_ids = self._wanted.client_ids if "viewer" in self._roles else []
        ends = Ends(self._wanted, self._mode, self._clock)
        ice = self._choose(servers, probes)
        self.meeting = Meeting(
            client_ids,
            ends.make,
            ice,
            self._session,
            second_ids=self._wanted.second_ids,
            patience_seconds=self._limits.answer,
        )
        await self._connect(self.meeting)
        await self._negotiate(self.meeting)
        arrival = Arrival(self.meeting, self.steps, self._mode, self._limits)
        try:
            await arrival.all_steps()
        finally:
            self.report.selected_pair = pair_in_use(self.meeting) or arrival.pair
        await self._measure(self.meeting)
        await self.meeting.each(end.watched(asyncio.sleep(0)) for end in self.meeting.ends)

    async def close(self) -> None:
        """End all that was begun, and bring the report to its end."""
        if self.meeting is not None:
            for session in self.meeting.sessions:
                if session.connects > 1:
                    self.report.notes.append(f"GO_AWAY: the {session.role} reconnected")
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await self.meeting.close()
        self.report.steps, self.report.mode = self.steps.all, self._mode
        self.report.seconds = self.steps.elapsed()

    @property
    def _target(self) -> Target:
        if self.report.target is None:
            raise RuntimeError("the channel was not described")
        return self.report.target

    @property
    def _arn(self) -> str:
        return self._target.channel_arn

    @property
    def _roles(self) -> tuple[Role, ...]:
        return ROLES[self._mode]

    async def _describe(self) -> None:
        async with self.steps.step("describe", self._limits.control_plane, NO_ANSWER) as step:
            self.report.target = target = await in_thread(self._find_target)
            step.detail = f"{target.channel_name}, {target.detail}"
            self._mode = mode_for(self._wanted, target)
        if self._mode == "checks" and self._wanted.mode is None:
            self.report.notes.append(f"{self._target.channel_name} was {CHECKS_ONLY}")
        self.steps.plan(steps_of(self._mode, lasting=self._wanted.duration > 0))

    async def _find_endpoints(self) -> None:
        async with self.steps.step("endpoint", self._limits.control_plane, NO_ANSWER) as step:
            for role in self._roles:
                found = await in_thread(self._access.endpoints, self._arn, role)
                self._endpoints[role] = found
            step.detail = ", ".join(each.wss for each in self._endpoints.values())

    async def _find_ice_servers(self) -> list[IceServer]:
        async with self.steps.step("ice_servers", self._limits.control_plane, NO_ANSWER) as step:
            servers = await self._ice_servers()
            require_relay(servers, relay_only=self._wanted.relay, transport=self._wanted.transport)
            step.detail = f"{sum(len(server.uris) for server in servers)} URIs"
        return servers

    async def _ice_servers(self) -> list[IceServer]:
        endpoints = self._endpoints[self._roles[-1]]
        return await in_thread(self._access.ice_servers, endpoints, self._arn)

    async def _probe(self, servers: list[IceServer]) -> list[Probe]:
        """Probe all at once. One that fails does not stop what may work without it."""
        steps = self.steps.probes(uri for server in servers for uri in server.uris)
        began = self.steps.elapsed()
        probes = await probe_all(
            servers, self._limits.probe, self._clock, prove=self._wanted.prove_relay
        )
        self.report.probes = probes
        for step, found in zip(steps, probes, strict=True):
            self.steps.note(step, found.result, began, found.seconds, found.reason)
        return probes

    async def _sign(self) -> None:
        """Sign once for each role, to tell missing credentials from a refused connection."""
        async with self.steps.step("sign", self._limits.control_plane, NO_ANSWER):
            for role in self._roles:
                client_id = self._wanted.client_ids[0] if role == "viewer" else None
                await in_thread(self._access.url, self._endpoints[role], self._arn, client_id)

    def _choose(self, servers: list[IceServer], probes: list[Probe]) -> Ice:
        """Choose the servers to connect through; a probe holds the reason if none will do.

        Raises `StepFailedError`.
        """
        try:
            return self._chosen(servers, probes)
        except PeerError as error:
            if self.steps.first_failed is None:
                probed = [step for step in self.steps.all if step.key == "probe"]
                told = [each for each in probed if each.reason and each.status == "ok"]
                last = (told or probed)[-1]  # rather the one whose relay was not proven
                self.steps.note(last, "failed", last.at or 0.0, last.seconds or 0.0, str(error))
            raise StepFailedError(str(error)) from None

    def _chosen(self, servers: list[IceServer], probes: list[Probe]) -> Ice:
        return choose(
            servers,
            probes,
            relay_only=self._wanted.relay,
            transport=self._wanted.transport,
            both_ends=self._mode == "loop",
        )

    def _session(self, role: Role, client_id: str | None) -> Session:
        return self._access.session(self._arn, self._endpoints[role], client_id, self._now)

    async def _connect(self, meeting: Meeting) -> None:
        limit, late = self._limits.connect, meeting.why_not_connected
        if "master" in self._roles:
            async with self.steps.step("master_connects", limit, late):
                await meeting.connect_master()
        if self._wanted.viewers > VIEWERS:
            self.report.notes.append(MORE_VIEWERS)
        if "viewer" in self._roles:
            async with self.steps.step("viewer_connects", limit + self._wanted.viewers, late):
                await meeting.watched(meeting.connect_viewers())

    async def _negotiate(self, meeting: Meeting) -> None:
        foreign = self._mode == "master-only"
        limit = self._limits.somebody if foreign else self._limits.negotiate
        late = NO_VIEWER if foreign else NOT_DELIVERED
        async with self.steps.step("offer", limit, late):
            await meeting.offer()
        limit, late = self._limits.negotiate, "the viewer did not receive the answer"
        if self._mode == "viewer-only":
            limit, late = 2 * self._limits.answer, no_master(self._wanted)
        async with self.steps.step("answer", limit, late) as step:
            await meeting.answer()
            self.report.negotiated = [each for end in meeting.ends for each in end.negotiated]
            step.detail = codecs(self.report.negotiated) or None
        seconds = [(call.instead_of, call.client_id) for call in meeting.calls if call.instead_of]
        self.report.notes += [SECOND_ANSWERED.format(*ids) for ids in seconds]

    async def _measure(self, meeting: Meeting) -> None:
        if self._wanted.duration <= 0:
            return
        limit = self._wanted.duration + self._wanted.max_freeze + SLACK_SECONDS
        if expired := meeting.ice_expired.is_set():
            limit += self._limits.probe + 2 * self._limits.answer + self._limits.ice
        late = "the machine was too slow to measure"
        async with self.steps.step("steady", limit, late, lasts=self._wanted.duration):
            if expired:
                await self._renew(meeting)
            reasons = await steady(meeting, self._wanted, self.report, self._clock)
            if reasons:
                raise StepFailedError("; ".join(reasons))

    async def _renew(self, meeting: Meeting) -> None:
        """Obey RECONNECT_ICE_SERVER: aiortc restarts no ICE, so the peers are joined anew."""
        relayed = any(end.pair is not None and end.pair.relayed for end in meeting.ends)
        if not relayed or self._mode == "master-only":  # the viewer offers, if it wants to
            self.report.notes.append("RECONNECT_ICE_SERVER: nothing of ours had to reconnect")
            return
        servers = await self._ice_servers()
        probes = await probe_all(servers, self._limits.probe, self._clock, prove=False)
        meeting.ice = self._chosen(servers, probes)
        await meeting.renew()
        self.report.notes.append("RECONNECT_ICE_SERVER: reconnected through the new servers")

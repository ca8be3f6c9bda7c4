"""Offers and answers as other clients write them, and as aiortc can read them.

aiortc's reading is narrow: it takes no rejected section, no section without a codec of its own, no
candidates but those of the last section of a bundle, and of an answer no payload type that was
offered and is not listed. So what comes is rewritten before aiortc sees it, and what aiortc
answers is rewritten for the other end.
"""

from collections.abc import Iterable
from typing import Final

from kvsops.core.wire.payload import Candidate
from kvsops.errors import PeerError
from kvsops.peers.bundle import END, TRANSPORT, over, parted, sound, transport_of
from kvsops.peers.formats import (
    KNOWN,
    insist,
    is_h264,
    is_plain,
    known_in,
    parameters_of,
    repairing,
    usable_in,
    with_offered,
    with_plain_h264,
)
from kvsops.peers.sdp import DIRECTIONS, Sdp, Section

TRICKLE: Final = "a=ice-options:trickle"
"""Says that candidates may come later: without it some answer only once they have gathered all.

Source: https://www.rfc-editor.org/rfc/rfc8840#section-4.1.1
"""
_READ: Final = (
    *("mid", "msid", "rtcp-mux", "extmap", "ssrc", "ssrc-group", "rtpmap", "fmtp", "rtcp-fb"),
    *("max-message-size", "sctp-port", "sctpmap", *DIRECTIONS),
)
"""What is left of a section for aiortc to read; it stumbles over what it need not know."""


class Negotiation:
    """One offer and its answer. `codec` is the video codec to insist on.

    `refused` tells by kind why there is none of that media, where it was offered and not agreed.
    """

    def __init__(self, codec: str | None = None) -> None:
        self.refused: dict[str, str] = {}
        self._codec = codec
        self._offer = self._answer = self._theirs = Sdp((), ())
        self.to_resolve: list[Candidate] = []
        """The other end's candidates that have a name for their address: it takes time to find."""
        self._carrier: str | None = None
        """Under which mid aiortc has the transport of all."""
        self._places: dict[str, int] = {}
        """Where the other end has which mid."""
        self._last_place = -1
        """Up to where its sections are, or would have been, of that transport."""
        self._usable: list[Section] = []
        """What the other end described and aiortc was handed, in the order of its sections."""

    def offer(self, text: str) -> str:
        """Return aiortc's offer as it is sent.

        The end of candidates is left out, though all are there: some take it for the end of
        theirs, too.
        """
        made = Sdp.parse(text).with_session([TRICKLE])
        sections = (each.without(["end-of-candidates"]) for each in made.sections)
        self._offer = made.with_sections(insist(each, self._codec) for each in sections)
        return str(self._offer)

    def take_offer(self, text: str) -> str:
        """Return somebody's offer as aiortc can take it; raises `PeerError` if it cannot.

        What is unusable is left out; the answer rejects it.
        """
        self._offer = self._theirs = offer = Sdp.parse(text)
        for section in offer.sections:
            if (why := self._why_unusable(section)) is None:
                self._usable.append(section)
            elif why:
                self.refused.setdefault(section.kind, why)
        self._forget_refused()
        if not self._usable:
            raise PeerError("; ".join(self.refused.values()) or "it offers nothing")
        return str(self._bundled(offer, [self._read(each) for each in self._usable], end=False))

    def answer(self, text: str) -> str:
        """Return aiortc's answer as it is sent: each section that was offered has its own."""
        made = Sdp.parse(text)
        answers = iter(made.sections)
        self._answer = made.with_sections(
            self._answered(each, next(answers)) if each in self._usable else each.refused()
            for each in self._offer.sections
        )
        return str(self._answer)

    def take_answer(self, text: str) -> str:
        """Return somebody's answer as aiortc can take it; raises `PeerError` if it cannot.

        Payload types that were offered are taken, whether or not the answer lists them (RFC 3264
        section 5.1). A rejected section becomes an inactive one.
        """
        self._theirs = self._answer = answer = _named(Sdp.parse(text), self._offer)
        answers = {each.mid: each for each in answer.sections}
        numbers = {pt for each in answer.sections for pt in each.formats}
        taken: list[Section] = []
        for offered in self._offer.sections:
            section = answers.get(offered.mid)
            why = _why_rejected(offered, section)
            if section is not None and why is None:
                self._usable.append(section)
                wanted = insist(section, self._codec)
                taken.append(with_offered(self._read(wanted), offered, numbers))
            else:
                self.refused.setdefault(offered.kind, why or "")
                taken.append(_inactive(offered))
        self._forget_refused()
        if not self._usable:
            raise PeerError("; ".join(self.refused.values()) or "it answers nothing")
        return str(self._bundled(answer, taken, end=True))

    @property
    def receiving(self) -> set[str]:
        """The mids of the media that the other end would receive."""
        return {
            each.mid or ""
            for each in self._usable
            if _direction(each, self._theirs) in ("sendrecv", "recvonly")
        }

    def leads_to(self, candidate: Candidate) -> tuple[bool, str | None]:
        """Whether a candidate is of use, and under which mid aiortc takes it.

        All is bundled: what is of another transport than the bundle's leads nowhere.
        """
        place = candidate.sdp_m_line_index or 0
        if candidate.sdp_mid is not None:
            place = self._places.get(candidate.sdp_mid, place)
        return place <= self._last_place, self._carrier

    def agreed(self, mid: str) -> list[str]:
        """Return the codecs that the answer lists for a section, the preferred first."""
        sections = (each for each in self._answer.sections if each.mid == mid)
        return next((each.names for each in sections if not each.rejected), [])

    def names(self, payload_type: int) -> list[tuple[str, str]]:
        """Return the kinds and codecs that a payload type has in either description."""
        found = [
            (section.kind, section.codecs[str(payload_type)].split("/")[0])
            for described in (self._offer, self._answer)
            for section in described.sections
            if str(payload_type) in section.codecs
        ]
        return list(dict.fromkeys(found))

    @property
    def _primary(self) -> Section | None:
        """The section whose transport the bundle uses: of the usable ones the first."""
        mids = {each.mid: each for each in self._usable}
        tagged = (mids[mid] for mid in self._theirs.bundle if mid in mids)
        return next(tagged, self._usable[0] if self._usable else None)

    def _why_unusable(self, section: Section) -> str | None:
        """Tell why what was offered is of no use: nothing to tell if it was not really offered."""
        if section.rejected:
            return ""
        if section.mid in {each.mid for each in self._usable}:
            return f"the {section.kind} that it offers has no a=mid of its own"
        if section.kind not in KNOWN:
            another = any(each.data for each in self._usable)
            return None if section.data and not another else f"{section.kind} is not supported"
        if known_in(section, self._codec):
            return None
        ours = [each.split("/")[0] for each in KNOWN[section.kind]]
        insisted = [self._codec] if self._codec and section.kind == "video" else ours
        return _nothing_in_common(section.kind, section.names, insisted)

    def _read(self, section: Section) -> Section:
        """Keep what aiortc reads of a section, and of its formats those that it can use."""
        lines = (each for each in section.lines[1:] if each.startswith("a="))
        kept = Section((section.lines[0], *(each for each in lines if sound(each))))
        others = {line.split(":", 1)[0][2:] for line in kept.lines[1:]} - set(_READ)
        kept = kept.without([*others, "mid"]).plus(_mid(section))
        if section.kind not in KNOWN:
            return kept.only(section.formats)
        kept = with_plain_h264(kept.only(usable_in(kept, self._codec)))
        kept = kept.without(["rtcp-mux"]).plus(["a=rtcp-mux"])  # bundled: RFC 8843 section 9.3
        return kept.plus([] if kept.direction else [f"a={_direction(section, self._theirs)}"])

    def _bundled(self, described: Sdp, sections: list[Section], *, end: bool) -> Sdp:
        """Give all sections the transport of the bundle, and name them in their order.

        The `end` of candidates is told where there are any: without, aiortc gathers none for it.
        """
        primary = self._primary
        transport = transport_of(described, primary)
        known, named = parted(transport)
        self.to_resolve = [Candidate(each[2:], primary.mid if primary else None) for each in named]
        self._carrier = sections[0].mid
        mids = (each.mid for each in described.sections)
        self._places = {mid: place for place, mid in enumerate(mids) if mid is not None}
        self._last_place = described.sections.index(primary) if primary else -1
        if named or not known or not end:
            transport = [each for each in transport if each not in (*named, END)]
        return over(transport, described, sections)

    def _answered(self, offered: Section, made: Section) -> Section:
        """Let the answer list what can be kept, in the words of the offer."""
        made = insist(made, self._codec)
        if offered.kind not in KNOWN:
            return made
        if plain := [pt for pt in known_in(made) if is_plain(offered, pt)]:
            made = made.only([*plain, *repairing(made, plain)])
        words = {pt: offered.format_lines(pt) for pt in made.formats if is_h264(made, pt)}
        fmtp = [line for lines in words.values() for line in lines if line.startswith("a=fmtp:")]
        kept = (line for line in made.lines if not line.startswith(parameters_of(words)))
        return Section((*kept, *fmtp))

    def _forget_refused(self) -> None:
        """Of several sections of a kind, one that is usable is enough."""
        for section in self._usable:
            self.refused.pop(section.kind, None)


def _mid(section: Section) -> list[str]:
    return [] if section.mid is None else [f"a=mid:{section.mid}"]


def _direction(section: Section, described: Sdp) -> str:
    """Which way it flows: its own word, the session's, or both ways (RFC 8866 section 6.7)."""
    session = (each for each in DIRECTIONS if f"a={each}" in described.session)
    return section.direction or next(session, "sendrecv")


def _inactive(offered: Section) -> Section:
    """Return an answer to what was offered by which nothing flows."""
    return offered.without([*TRANSPORT, *DIRECTIONS, "ssrc", "ssrc-group"]).plus(["a=inactive"])


def _named(answer: Sdp, offer: Sdp) -> Sdp:
    """Name what an answer leaves without a mid after what was offered in its place."""
    places = zip(answer.sections, (*offer.sections, *answer.sections), strict=False)
    return answer.with_sections(
        section if section.mid is not None else section.plus(offered.of(["mid"]))
        for section, offered in places
    )


def _why_rejected(offered: Section, answered: Section | None) -> str | None:
    """Tell why what was offered is not agreed; None where it is."""
    kind = offered.kind
    if answered is None or answered.kind != kind:
        return f"the other end does not answer the {kind} that was offered"
    if answered.rejected:
        rejected = f"the other end rejects the {kind} that was offered (m={kind} 0)"
        names = " and ".join(offered.names)
        return f"{rejected}: it has none, or none of {names}" if names else rejected
    if kind not in KNOWN or {each.lower() for each in offered.names} & _names(answered):
        return None
    return _nothing_in_common(kind, answered.names, offered.names)


def _names(section: Section) -> set[str]:
    return {each.lower() for each in section.names}


def _nothing_in_common(kind: str, theirs: Iterable[str], ours: Iterable[str]) -> str:
    there, here = (", ".join(each) or "none named" for each in (theirs, ours))
    return f"no {kind} codec in common: {there} there, {here} here"

"""Session descriptions as text: the session's lines, and each media section's (RFC 8866)."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")
_PAYLOAD_TYPE: Final = re.compile(r"\d|[1-9]\d|1[01]\d|12[0-7]", re.ASCII)
_OF_A_FORMAT: Final = re.compile(r"a=(rtpmap|fmtp|rtcp-fb):(\d+) (.*)")
AUXILIARY: Final = ("rtx", "red", "ulpfec", "flexfec-03", "CN", "telephone-event")
"""Names of what repairs or pads other payload types, and is no codec."""
_STATIC: Final = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000"}
"""Payload types that need no `a=rtpmap` (RFC 3551 section 6)."""


@dataclass(frozen=True, slots=True)
class Section:
    """One `m=` line, and what follows it."""

    lines: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The kind of media: `video`, `audio`, `application`, or another."""
        return next(iter(self._m), "")

    @property
    def rejected(self) -> bool:
        """Whether its port is 0, which for a `bundle-only` one says nothing (RFC 8843)."""
        port = self._m[1] if len(self._m) > 1 else "0"
        return port == "0" and not self.has("bundle-only")

    @property
    def data(self) -> bool:
        """Whether it is of data channels."""
        return self.kind == "application" and "SCTP" in self.lines[0]

    @property
    def formats(self) -> list[str]:
        """Its payload types (or whatever it has in their place), the preferred first."""
        return self._m[3:]

    @property
    def mid(self) -> str | None:
        """What names it."""
        return next(self.values("mid"), None)

    @property
    def direction(self) -> str | None:
        """Which way it flows, as its sender sees it, if it says so."""
        return next((each for each in DIRECTIONS if self.has(each)), None)

    @property
    def codecs(self) -> dict[str, str]:
        """Codec and clock rate by payload type, `{"96": "VP8/90000"}`, the preferred first."""
        maps = dict(value.split(" ", 1) for value in self.values("rtpmap") if " " in value)
        types = filter(_PAYLOAD_TYPE.fullmatch, self.formats)
        named = {each: maps.get(each) or _STATIC.get(each) for each in types}
        return {each: "/".join(name.split("/")[:2]) for each, name in named.items() if name}

    @property
    def names(self) -> list[str]:
        """The names of its codecs, without those that only repair or pad others."""
        names = [each.split("/")[0] for each in self.codecs.values()]
        return [each for each in dict.fromkeys(names) if each not in AUXILIARY]

    def fmtp(self, payload_type: str) -> dict[str, str]:
        """Return the parameters of a payload type."""
        start = f"{payload_type} "
        given = next((each for each in self.values("fmtp") if each.startswith(start)), start)
        pairs = (each.strip().partition("=") for each in given[len(start) :].split(";"))
        return {name.lower(): value for name, _, value in pairs if name}

    def values(self, name: str) -> Iterator[str]:
        """Return the values of an attribute: `a=name:value`."""
        start = f"a={name}:"
        return (line[len(start) :] for line in self.lines if line.startswith(start))

    def has(self, name: str) -> bool:
        """Whether it has this attribute without a value."""
        return f"a={name}" in self.lines

    def of(self, names: Collection[str]) -> list[str]:
        """Return the lines of these attributes."""
        return [line for line in self.lines if _name(line) in names]

    def without(self, names: Collection[str]) -> "Section":
        """Leave these attributes out."""
        return Section(tuple(line for line in self.lines if _name(line) not in names))

    def plus(self, lines: Iterable[str]) -> "Section":
        """Add these lines at the end."""
        return Section((*self.lines, *lines))

    def format_lines(self, payload_type: str) -> list[str]:
        """Return the lines that tell of a payload type, its `a=rtpmap` first."""
        found = [line for line in self.lines if _format(line) == payload_type]
        if not any(line.startswith("a=rtpmap:") for line in found) and payload_type in _STATIC:
            found.insert(0, f"a=rtpmap:{payload_type} {_STATIC[payload_type]}")
        return sorted(found, key=lambda line: not line.startswith("a=rtpmap:"))

    def only(self, payload_types: Iterable[str]) -> "Section":
        """Keep of its payload types these alone, in this order."""
        kept = list(payload_types)
        first = " ".join([f"m={' '.join(self._m[:3])}", *kept])
        others = [line for line in self.lines[1:] if _of_all_formats(line)]
        return Section((first, *others, *(line for pt in kept for line in self.format_lines(pt))))

    def refused(self) -> "Section":
        """Return what rejects it in an answer: its port 0 (RFC 3264 section 6)."""
        mid = [f"a=mid:{self.mid}"] if self.mid is not None else []
        first = " ".join([f"m={self.kind} 0", *self._m[2:]])
        return Section((first, "c=IN IP4 0.0.0.0", *mid, "a=inactive"))

    @property
    def _m(self) -> list[str]:
        return self.lines[0].removeprefix("m=").split()


@dataclass(frozen=True, slots=True)
class Sdp:
    """A whole description."""

    session: tuple[str, ...]
    sections: tuple[Section, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one, whatever ends its lines."""
        parts: list[list[str]] = [[]]
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("m="):
                parts.append([])
            parts[-1].append(line)
        return cls(tuple(parts[0]), tuple(Section(tuple(each)) for each in parts[1:]))

    def __str__(self) -> str:
        lines = [*self.session, *(line for each in self.sections for line in each.lines)]
        return "".join(f"{line}\r\n" for line in lines)

    @property
    def bundle(self) -> list[str]:
        """The mids that share one transport, the one that describes it first."""
        groups = [line.split() for line in self.session if line.startswith("a=group:BUNDLE")]
        return groups[0][1:] if groups else []

    def with_session(self, lines: Iterable[str]) -> Self:
        """Add these lines to the session's."""
        return replace(self, session=(*self.session, *lines))

    def with_sections(self, sections: Iterable[Section]) -> Self:
        """Put these sections in the place of its own."""
        return replace(self, sections=tuple(sections))


def _name(line: str) -> str | None:
    return line[2:].partition(":")[0] if line.startswith("a=") else None


def _of_all_formats(line: str) -> bool:
    return _name(line) not in ("rtpmap", "fmtp", "rtcp-fb") or line.startswith("a=rtcp-fb:* ")


def _format(line: str) -> str | None:
    match = _OF_A_FORMAT.match(line)
    return match[2] if match else None

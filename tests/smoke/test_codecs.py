"""Smoke against peers whose codecs are others: what passes, and what is told in words."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from kvsops.core.wire.payload import Description
from kvsops.peers.peer import Codec
from kvsops.peers.sdp import Sdp, Section
from kvsops.smoke.plan import Subject, Wanted
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.run import smoke
from tests.smoke.conftest import BRIEF, failed
from tests.smoke.strangers import Change, browser, camera

VIEWER = Wanted(mode="viewer-only", duration=0, limits=replace(BRIEF, video=3.0))
MASTER = Wanted(mode="master-only", duration=0, limits=replace(BRIEF, video=3.0))


def video(change: Callable[[Section], Section]) -> Change:
    """Do this to the video sections of a description."""

    def changed(description: Description) -> Description:
        sdp = Sdp.parse(description.sdp)
        sections = (change(each) if each.kind == "video" else each for each in sdp.sections)
        return replace(description, sdp=str(sdp.with_sections(sections)))

    return changed


def beside_camera(subject: Subject, change: Change, codec: Codec | None = None) -> SmokeReport:
    """Run smoke while a camera is the channel's master."""

    async def both() -> SmokeReport:
        async with camera(subject, change):
            return await smoke(subject, replace(VIEWER, codec=codec))

    return asyncio.run(both())


def beside_browser(subject: Subject, change: Change, codec: Codec | None = None) -> SmokeReport:
    """Run smoke while a browser is a viewer."""

    async def both() -> SmokeReport:
        test = asyncio.ensure_future(smoke(subject, replace(MASTER, codec=codec)))
        async with browser(subject, change=change):
            return await test

    return asyncio.run(both())


def h264_alone(section: Section) -> Section:
    """List H264 alone."""
    return section.only(pt for pt, name in section.codecs.items() if name == "H264/90000")


def another_name(section: Section) -> Section:
    """Call all codecs by a name that nobody here has."""
    first, *others = section.lines
    named = (each.replace(" VP8/", " AV1/").replace(" H264/", " H265/") for each in others)
    return Section((first, *named))


def test_camera_whose_answer_lists_another_codec(subject: Subject) -> None:
    """The answer lists H264 alone, and VP8 comes, which was offered: that passes."""
    report = beside_camera(subject, video(h264_alone))
    assert report.passed, report.reason
    codecs = {each.kind: each.codecs for each in report.negotiated}
    assert codecs["video"] == ["H264"]


def test_camera_that_rejects_the_video(subject: Subject) -> None:
    """`m=video 0` fails the picture in words; that there is a way is told all the same."""
    report = beside_camera(subject, video(Section.refused), "VP8")
    assert failed(report) == [
        (
            "first_video",
            "the other end rejects the video that was offered (m=video 0): it has none, or none"
            " of VP8",
        )
    ]
    assert {step.key: step.status for step in report.steps}["dtls"] == "ok"


def test_camera_without_a_codec_in_common(subject: Subject) -> None:
    """So does an answer that lists only what was not offered."""
    report = beside_camera(subject, video(another_name))
    why = "no video codec in common: AV1, H265 there, VP8, H264 here"
    assert failed(report) == [("first_video", why)]


@pytest.mark.parametrize("kind", ["audio", "application"])
def test_camera_that_rejects_something_else(subject: Subject, kind: str) -> None:
    """A camera without a microphone or a data channel passes."""

    def change(description: Description) -> Description:
        sdp = Sdp.parse(description.sdp)
        sections = (each.refused() if each.kind == kind else each for each in sdp.sections)
        return replace(description, sdp=str(sdp.with_sections(sections)))

    report = beside_camera(subject, change)
    assert report.passed, report.reason
    step = {"audio": "first_audio", "application": "data_channel"}[kind]
    assert {each.key: each.status for each in report.steps}[step] == "skipped"


def test_browser_without_a_codec_in_common(subject: Subject) -> None:
    """A viewer that offers only what is not known here is answered, and told in words."""
    report = beside_browser(subject, video(another_name))
    why = "no video codec in common: AV1, H265 there, VP8, H264 here"
    assert failed(report) == [("first_video", why)]


def test_browser_whose_codec_is_not_wanted(subject: Subject) -> None:
    """So is one that has not the codec that was insisted on."""
    report = beside_browser(subject, video(h264_alone), "VP8")
    why = "no video codec in common: H264 there, VP8 here"
    assert failed(report) == [("first_video", why)]

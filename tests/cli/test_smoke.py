"""`kvsops smoke` as a command: what it prints, its reports, its exit codes, and no secrets."""

import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics import parser

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.reports.smoke import sparkline
from tests.cli.conftest import Kvsops
from tests.fleet import put
from tests.retries import retries_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

QUICK = ("smoke", "--no-steady")


_retry_at_once = retries_at_once(3)


def test_table(kvsops: Kvsops) -> None:
    """The steps as a waterfall, then what flowed, then the path and the verdict."""
    ended = kvsops("smoke", "--duration", "1s")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert re.fullmatch(
        r"Testing kvsops-smoke in us-east-1 \(emulator at http://127\.0\.0\.1:\d+\)", lines[0]
    )
    assert lines[2].split() == ["STEP", "RESULT", "TOOK", "WHEN", "DETAIL"]
    steps = [re.split(r"\s{2,}", line)[0] for line in lines[3 : lines.index("", 3)]]
    assert steps == [
        *("describe", "endpoint", "ICE servers", "probe", "probe", "probe", "probe", "sign"),
        *("master connects", "viewer connects", "offer", "answer", "ICE connected", "DTLS"),
        *("data channel open", "first video frame", "first audio", "measurement"),
    ]
    there, back = (line for line in lines if re.match(r"master +viewer-1|viewer-1 +master", line))
    figures = r"[0-9.]+ +(\d{1,3}(,\d{3})+|[0-9.]+) kbps +[0-9.]+ % .+"
    assert re.fullmatch(rf"master +viewer-1 +{figures}", there)
    assert re.fullmatch(rf"viewer-1 +master +{figures}", back)
    [trips] = (line for line in lines if re.match(r"viewer-1 +\d", line))
    assert re.fullmatch(r"viewer-1 +\d+ +\d+( +(\d+ ms|\d+\.\d\d s)){2}", trips)
    assert re.search(r"^path: \w+( over \w+)? - \w+ \(\S+ - \S+\)$", ended.out, re.MULTILINE)
    assert re.fullmatch(
        r"kvsops-smoke works \((good|fair|poor)\): first picture [0-9.]+ m?s after the offer"
        r"(; slow: .+)?(; relay proven over udp, tls)?",
        lines[-1],
    )


def test_json(kvsops: Kvsops) -> None:
    """The object's keys are an interface."""
    ended = kvsops("smoke", "--duration", "1s", "-o", "json")
    told = json.loads(ended.out)
    assert list(told) == [
        *("channel_name", "channel_arn", "mode", "passed", "reason", "started_at", "seconds"),
        *(
            "connect_ms",
            "first_video_ms",
            "grade",
            "slow",
            "relay",
            "steps",
            "selected_pair",
            "negotiated",
            "media",
        ),
        *("thresholds", "notes"),
    ]
    assert list(told["steps"][0]) == ["step", "status", "at_seconds", "seconds", "reason", "detail"]
    assert list(told["media"]) == ["seconds", "directions", "round_trips"]
    assert list(told["media"]["directions"][0]) == [
        *("source", "sink", "bitrate_kbps", "packets", "packets_lost", "loss_percent"),
        *("jitter_ms", "audio_jitter_ms", "video", "tracks"),
    ]
    tracks = told["media"]["directions"][0]["tracks"]
    assert list(tracks[0]) == [
        *("mid", "kind", "codec", "packets", "packets_lost", "loss_percent", "jitter_ms"),
        *("stopped_seconds", "video"),
    ]
    assert [(track["mid"], track["kind"], track["codec"]) for track in tracks] == [
        ("0", "video", "VP8"),
        ("1", "audio", "opus"),
    ]
    assert told["negotiated"][0] == {
        "peer": "viewer-1",
        "mid": "0",
        "kind": "video",
        "direction": "sendrecv",
        "codecs": ["VP8", "H264"],
    }
    assert (told["passed"], told["reason"], told["mode"]) == (True, None, "loop")
    assert told["grade"] in {"good", "fair", "poor"}
    assert told["relay"] == "proven"
    assert kvsops(*QUICK, "-o", "json", "--query", "passed").out == "true\n"


def test_thresholds(kvsops: Kvsops) -> None:
    """A limit that was not kept is exit code 3, and it is named; one that was, is told too."""
    ended = kvsops("smoke", "--duration", "1s", "--min-fps", "99", "--max-latency", "1m")
    assert ended.code == 3
    verdict, kept = ended.out.splitlines()[-1], ended.out.splitlines()[-2]
    assert re.fullmatch(
        r"kvsops-smoke FAILED: frame rate [0-9.]+ fps, below --min-fps 99 fps"
        r"\. Next: kvsops smoke -v shows .*",
        verdict,
    )
    assert re.fullmatch(r"latency [0-9.]+ ms, within --max-latency 60000 ms", kept)


def test_max_freeze(kvsops: Kvsops) -> None:
    """No time without a picture is as short as this: it fails, and the moment is told."""
    ended = kvsops("smoke", "--duration", "1s", "--max-freeze", "1ms")
    assert ended.code == 3
    assert re.search(
        r"FAILED: measurement: master to viewer-1: frozen for 0\.\d s, beginning \d\.\d s into the"
        r" measurement; --max-freeze is 0\.001 s",
        ended.out.splitlines()[-1],
    )
    ended = kvsops("smoke", "--duration", "1s", "--max-freeze", "20s")
    assert ended.code == 0
    kept = r"longest time without a picture [0-9.]+ ms, within --max-freeze 20000 ms"
    assert re.fullmatch(kept, ended.out.splitlines()[-2])


def test_a_threshold_of_what_was_not_measured(kvsops: Kvsops) -> None:
    """What was not measured was not kept either."""
    ended = kvsops(*QUICK, "--max-rtt", "1s")
    assert ended.code == 3
    assert ended.out.endswith(
        "FAILED: round trip was not measured, but --max-rtt 1000 ms was asked for\n"
    )


def test_failed(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A step that fails is exit code 3, and the verdict names it with its reason."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "AccessDeniedException"),)
    ended = kvsops(*QUICK)
    assert ended.code == 3
    assert "viewer connects" not in ended.out
    assert ended.out.splitlines()[-1].startswith(
        "kvsops-smoke FAILED: master connects: connecting as master was denied: the credentials "
        "need kinesisvideo:ConnectAsMaster on arn:aws:kinesisvideo:us-east-1:"
    )


def test_somebody_elses(kvsops: Kvsops, emulator: LocalServer) -> None:
    """On a channel that smoke did not make, it checks, and says what else there is."""
    put(emulator, "cam-door")
    ended = kvsops(*QUICK, "cam-door")
    assert ended.code == 0
    assert ended.out.endswith(
        "\ncam-door was not made by kvsops smoke: connecting as master would disconnect the one"
        " already there; --viewer-only meets it, --take-over takes its place\n"
        "cam-door passed the checks; no media was sent; relay proven over udp, tls\n"
    )
    assert "offer" not in ended.out
    ended = kvsops(*QUICK, "cam-door", "--max-connect", "2s")
    assert ended.code == 3
    assert ended.out.endswith(
        "connecting was not measured, but --max-connect 2000 ms was asked for\n"
    )


WRONG = [
    (("cam", "--ephemeral"), "--ephemeral makes a channel of its own: leave out cam"),
    (
        ("--ephemeral", "--viewer-only"),
        "nobody else can be on an --ephemeral channel: drop --viewer-only",
    ),
    (
        ("--viewer-only", "--master-only"),
        "--master-only and --viewer-only exclude each other: drop one",
    ),
    (
        ("cam", "--viewer-only", "--take-over"),
        "--viewer-only meets the master that is there: drop --take-over",
    ),
    (
        ("cam", "--master-only", "--viewers", "2"),
        "--master-only answers somebody else's viewer: drop --viewers",
    ),
    (
        ("--max-rtt", "20"),
        "Invalid value for '--max-rtt': not a time: '20': write a number and its unit, like"
        " 150ms or 2s (see kvsops smoke --help)",
    ),
    (
        ("--max-loss", "120%"),
        "Invalid value for '--max-loss': not a percentage: '120%': write it like 2% or 0.5"
        " (see kvsops smoke --help)",
    ),
    (
        ("--min-fps", "nan"),
        "Invalid value for '--min-fps': not a number of frames a second: 'nan': write it like 20"
        " or 29.97 (see kvsops smoke --help)",
    ),
    (
        ("--report", "smoke.pdf"),
        "Invalid value for '--report': not a report: 'smoke.pdf': its name ends in .xml, .prom,"
        " .json, .md (see kvsops smoke --help)",
    ),
    (
        ("--transport", "tcp"),
        "Invalid value for '--transport': 'tcp' is not one of 'udp', 'tls' (see kvsops smoke"
        " --help)",
    ),
    (("--query", "passed"), "--query works on JSON, not on table; add --output json"),
]


def test_wrong_usage(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What contradicts itself is refused before anything is called."""
    for argv, said in WRONG:
        ended = kvsops("smoke", *argv)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
    assert emulator.calls == {}


def test_many_viewers(kvsops: Kvsops) -> None:
    """More viewers than a channel has by itself are tried, and what they need is said."""
    ended = kvsops("smoke", "--no-steady", "--viewers", "11")
    assert ended.code == 3
    assert "a channel takes 10 viewers, unless AWS has raised this quota, as it" in ended.out
    assert "connecting as viewer hit a limit of the channel" in ended.out


def test_no_relay_probe(kvsops: Kvsops) -> None:
    """The proof of the relay can be left out, which is said."""
    ended = kvsops(*QUICK, "--no-relay-probe", "-o", "json", "--query", "relay")
    assert (ended.code, ended.out) == (0, "null\n")


def test_missing_extra(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is not installed as a whole, the message says what to install."""
    monkeypatch.setitem(sys.modules, "aiortc", None)  # as Python has it for what is not there
    ended = kvsops("smoke")
    assert (ended.code, ended.err) == (
        2,
        "error: this needs pip install '.[smoke]' in a clone of kvsops\n",
    )
    assert emulator.calls == {}


def test_reports(kvsops: Kvsops, tmp_path: Path) -> None:
    """The result is written in each form that a file's name asks for."""
    paths = [tmp_path / f"smoke{suffix}" for suffix in (".xml", ".prom", ".json", ".md")]
    argv = [part for path in paths for part in ("--report", str(path))]
    ended = kvsops("smoke", "--duration", "1s", "--min-fps", "99", *argv)
    assert ended.code == 3
    junit, prom, as_json, as_markdown = (path.read_text() for path in paths)
    cases = ET.fromstring(junit).findall(".//testcase")  # noqa: S314 - our own
    assert len(cases) == 19
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["--min-fps"]
    families: Callable[[str], Iterator[Metric]] = parser.text_string_to_metric_families
    samples = {sample.name: sample.value for family in families(prom) for sample in family.samples}
    assert samples["kvsops_smoke_passed"] == 0
    assert samples["kvsops_smoke_frames_per_second"] > 5
    assert samples["kvsops_smoke_latency_seconds"] < 5
    assert json.loads(as_json)["passed"] is False
    assert as_markdown.startswith("### kvsops smoke: kvsops-smoke FAILED: frame rate ")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        *("smoke.json", "smoke.md", "smoke.prom", "smoke.xml")
    ]


def test_reports_of_a_channel_that_is_gone(kvsops: Kvsops, tmp_path: Path) -> None:
    """The reports name the channel that was asked for, or nobody's alert would match them."""
    prom, junit = tmp_path / "smoke.prom", tmp_path / "smoke.xml"
    arn = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/cam-door/1600000000000"
    for target in ("cam-door", arn):
        ended = kvsops(*QUICK, target, "--report", str(prom), "--report", str(junit), "-o", "json")
        assert (ended.code, json.loads(ended.out)["channel_name"]) == (3, "cam-door")
        assert 'kvsops_smoke_passed{channel="cam-door"} 0.0\n' in prom.read_text()
        assert 'hostname="cam-door"' in junit.read_text()
        assert 'testcase name="probe" classname="kvsops.smoke.cam-door"' in junit.read_text()


def test_a_report_that_cannot_be_there(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """It is refused before the test is run."""
    path = tmp_path / "nowhere" / "smoke.xml"
    ended = kvsops(*QUICK, "--report", str(path))
    assert (ended.code, ended.out) == (2, "")
    assert f"--report {path} cannot be written: no such directory, or it is one" in ended.err
    assert emulator.calls == {}


def test_a_report_that_cannot_be_written(kvsops: Kvsops, tmp_path: Path) -> None:
    """It is said after the result, and is a failure though the channel works."""
    path = tmp_path / "smoke.xml"
    path.symlink_to("/dev/full")
    ended = kvsops(*QUICK, "--report", str(path))
    assert ended.code == 1
    assert "kvsops-smoke works" in ended.out
    said = f"the report cannot be written to {path} (--report): No space left on device"
    assert ended.err == f"error: {said}\n"


def test_a_ci_is_told(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step's summary begins with the verdict; a failure is annotated, too."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ended = kvsops(*QUICK)
    assert (ended.code, ended.err) == (0, "")
    passed = summary.read_text()
    assert passed.startswith("✅ <code>kvsops smoke --no-steady</code>: kvsops-smoke works")
    assert "\n<details><summary>Steps and figures</summary>\n" in passed
    emulator.settings.faults = (Fault("SendSdpOffer", "InternalFailure"),)
    ended = kvsops(*QUICK)
    assert ended.code == 3
    failed = summary.read_text().removeprefix(passed)
    assert failed.startswith("\n❌ <code>kvsops smoke --no-steady</code>: kvsops-smoke FAILED: ")
    assert ended.err.startswith("::error title=kvsops smoke::kvsops-smoke FAILED: ")


def test_a_report_to_a_link_in_capitals(kvsops: Kvsops, tmp_path: Path) -> None:
    """The suffix may be of any case, and what a link leads to is written."""
    path, target = tmp_path / "SMOKE.XML", tmp_path / "elsewhere"
    path.symlink_to(target)
    assert kvsops(*QUICK, "--report", str(path)).code == 0
    assert path.is_symlink()
    assert ET.fromstring(target.read_text()).findall(".//testcase")  # noqa: S314 - our own


def test_snapshot(kvsops: Kvsops, tmp_path: Path, emulator: LocalServer) -> None:
    """The last picture is saved; where none came, that is said, and no file is left."""
    path = tmp_path / "last.png"
    ended = kvsops(*QUICK, "--snapshot", str(path))
    assert (ended.code, ended.err) == (0, f"picture written: {path}\n")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    emulator.settings.faults = (Fault("SendSdpOffer", "InternalFailure"),)
    other = tmp_path / "none.png"
    ended = kvsops(*QUICK, "--snapshot", str(other))
    assert (ended.code, other.exists()) == (3, False)
    assert ended.err == f"error: no picture was received: {other} was not written\n"


def test_a_snapshot_that_cannot_be_written(kvsops: Kvsops, tmp_path: Path) -> None:
    """It is said after the result, which is not lost for it."""
    path, report = tmp_path / "nowhere" / "door.png", tmp_path / "smoke.json"
    ended = kvsops(*QUICK, "--snapshot", str(path), "--report", str(report))
    assert ended.code == 1
    assert "kvsops-smoke works" in ended.out
    failed = f"error: {path} cannot be written: No such file or directory\n"
    assert ended.err == f"report written: {report}\n{failed}"
    assert json.loads(report.read_text())["passed"] is True


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([0.0], "▁"),
        ([0.0, 15.0, 30.0], "▁▅█"),
        ([1.0, None, 1.0], "█ █"),
        (
            [*[10.0, 20.0] * 500, *[0.0] * 1000, *[None] * 1000],
            "█" * 9 + "▃" + "▁" * 9 + " " * 9,
        ),
    ],
)
def test_sparkline(values: list[float | None], line: str) -> None:
    """Values are drawn from nought up, many of them in 28 places; what is not known is a gap."""
    assert sparkline(values) == line

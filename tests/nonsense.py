"""Commands run while somebody between them and the emulator answers nonsense.

    python -m tests.nonsense 10000 --seed 7

changes so many answers of any operation, by a seed, while sweeps, deletions, lists and costs run,
and prints what went wrong. What is asked of every run:

- nothing protected is deleted, and what is deleted is in the journal as it was: `kvsops restore`
  offers it;
- no command ends as a defect, and none outlives its time;
- the exit code is 0 only if the last answer to each question was the service's own;
- a bill that ends with 0 is the true one, or says that it may be more.

The nonsense is what breaks the form of the operation's answer, or contradicts another answer or the
ARN. A well-formed lie cannot be told from the truth, and is left out: a tag, a metric or a page
less; another version, status or message TTL; all ARNs of another account where nobody asked whose
the credentials are; an age that the ARN, too, was made to bear. Of a member made null, and of one
channel's metrics, the exit code is not asked for: a run may not need them.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import stamina
from click.testing import CliRunner

from kvsops.cli.main import cli
from kvsops.core.text import moment
from kvsops.local.demo.streams import Moved
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.between import Answer, between
from tests.bill.test_streams import stream
from tests.fleet import DAY, HOUR, READING, names, put
from tests.usage import use

DEADLINE_SECONDS: Final = 8
LONGEST_SECONDS: Final = 20.0
"""Of any run, but without a deadline one call may drip for a minute."""
HTML: Final = b"<html><body>Sign in to the network</body></html>"
HINTS: Final = frozenset({"GetResources", "ListMetrics"})
"""What these tell is read directly where they fail: that is said, and is no failure."""

BILL: Final = ("cost", "--group-by", "owner", "-o", "json")
"""What it tells is held against what it tells without nonsense."""

COMMANDS: Final[Sequence[tuple[str, ...]]] = (
    ("list",),
    ("list", "--tags", "-o", "json"),
    ("list", "--cost"),
    ("cost", "--group-by", "owner"),
    BILL,
    ("streams", "-o", "json"),
    ("describe", "ci-keep", "ci-old-1"),
    ("sweep", "--older-than", "2h", "--check"),
    ("delete", "ci-old-1", "ci-keep", "ci-linked", "--yes"),
    ("sweep", "--older-than", "2h", "--any-channel", "--yes"),
    ("sweep", "--older-than", "2h", "--prefix", "ci-", "--orphaned", "--yes"),
    ("sweep", "--expired", "--yes"),
    ("sweep", "--idle-for", "6h", "--yes"),
    ("sweep", "--older-than", "2h", "--any-channel", "--grace", "1h", "--yes"),
)


@dataclass
class Nonsense:
    """Changes answers by a seed, a `share` of them; `unreal` has what was last told falsely."""

    random: Random
    share: float
    drips: bool = False
    changed: Counter[str] = field(default_factory=Counter)
    unreal: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def __call__(self, operation: str, answer: Answer) -> Answer:
        """Change the answer, or not; remember what is known of the question now."""
        # Of metrics many channels' are asked at once, and each one's again before it is deleted.
        question = operation, b"" if operation == "GetMetricData" else answer.asked
        self.unreal.pop(question, None)
        if self.random.random() >= self.share:
            return answer
        name = self.random.choice([*CHANGES])
        if name == "drip" and not (self.drips and self.random.random() < 1 / 20):
            name = "HTML"
        changed = CHANGES[name](self.random, answer)
        if changed is None:
            return answer
        self.changed[name] += 1
        if name not in ("null", "metrics"):  # what these leave unknown may not be needed
            self.unreal[question] = name
        return changed


def _become(answer: Answer, status: int, body: bytes, kind: str) -> Answer:
    return Answer(status, body, {"content-type": kind}, answer.asked)


def _edited(answer: Answer, edit: Callable[[Any], bool]) -> Answer | None:
    """Return the answer with its JSON edited, None where there is nothing to edit."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        return None
    if answer.status != 200 or not edit(content):
        return None
    return replace(answer, body=json.dumps(content).encode())


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container and key below the root."""
    keys = content if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])


def _somewhere(random: Random, content: Any, other: Callable[[Any], Any]) -> bool:
    places = [*_places(content)] if isinstance(content, dict | list) else []
    if not places:
        return False
    container, key = random.choice(places)
    container[key] = other(container[key])
    return True


def _another_type(value: Any) -> Any:
    return {str: 7, int: "x", float: "x", bool: "x", list: {}, dict: []}.get(type(value), [])


def _of_rows(random: Random, content: Any, change: Callable[[dict[str, Any]], None]) -> bool:
    """Change one of the listed channels or streams, or the one described."""
    listed = content.get("ChannelInfoList") or content.get("StreamInfoList")
    rows = listed or [content.get("ChannelInfo")]
    if not isinstance(rows[0], dict):
        return False
    change(random.choice(rows))
    return True


def _creation_time(random: Random, row: dict[str, Any]) -> None:
    made = row["CreationTime"]
    row["CreationTime"] = random.choice([0, -1, True, made * 1000, made - 10 * 86_400, "1970"])


def _stranger(row: dict[str, Any], old: str, new: str) -> None:
    key = "ChannelARN" if "ChannelARN" in row else "StreamARN"
    row[key] = row[key].replace(old, new)


def _rename(row: dict[str, Any]) -> None:
    key = "ChannelName" if "ChannelName" in row else "StreamName"
    row[key] += "x"


def _repeated(content: Any) -> bool:
    key = "PaginationToken" if "ResourceTagMappingList" in content else "NextToken"
    listing = {
        "ChannelInfoList",
        "StreamInfoList",
        "ResourceTagMappingList",
        "MetricDataResults",
        "Metrics",
    }
    if not listing & content.keys():
        return False
    content[key] = "again"
    return True


def _metrics(random: Random, content: Any) -> bool:
    results = [each for each in content.get("MetricDataResults", ()) if each["Values"]]
    if not results:
        return False
    result = random.choice(results)
    result["Values"] = random.choice([[], [float("nan")] * len(result["Values"]), ["1"]])
    return True


CHANGES: Final[Mapping[str, Callable[[Random, Answer], Answer | None]]] = {
    "HTML": lambda _, answer: _become(answer, 200, HTML, "text/html"),
    "HTML as JSON": lambda _, answer: _become(answer, 200, HTML, "application/json"),
    "empty": lambda _, answer: _become(answer, 200, b"", "text/plain"),
    "{}": lambda _, answer: _become(answer, 200, b"{}", "application/json"),
    "not an object": lambda random, answer: _become(
        answer, 200, random.choice([b"[]", b"null", b"0", b'""']), "application/json"
    ),
    "status": lambda random, answer: replace(
        answer, status=random.choice([201, 202, 302, 500, 502, 503])
    ),
    "error page": lambda random, answer: _become(
        answer, random.choice([403, 404, 407, 429, 500, 503]), HTML, "text/html"
    ),
    "cut": lambda random, answer: (
        replace(
            answer,
            body=answer.body[: random.randrange(1, len(answer.body))],
            short=random.choice([0, 5]),
        )
        if len(answer.body) > 1
        else None
    ),
    "lost": lambda _, answer: replace(answer, lost=True),
    "drip": lambda _, answer: replace(answer, drip=True),
    "date": lambda random, answer: (
        replace(
            answer,
            headers={name: text for name, text in answer.headers.items() if name.lower() != "date"}
            | {"Date": _date(random.choice([-2, 2, 700]))},
        )
        if answer.status == 200
        else None
    ),
    "null": lambda random, answer: _edited(
        answer, lambda content: _somewhere(random, content, lambda _: None)
    ),
    "type": lambda random, answer: _edited(
        answer, lambda content: _somewhere(random, content, _another_type)
    ),
    "token again": lambda _, answer: _edited(answer, _repeated),
    "creation time": lambda random, answer: _edited(
        answer,
        lambda content: _of_rows(random, content, lambda row: _creation_time(random, row)),
    ),
    "region": lambda random, answer: _edited(
        answer,
        lambda content: _of_rows(
            random, content, lambda row: _stranger(row, "us-east-1", "eu-west-1")
        ),
    ),
    "name": lambda random, answer: _edited(
        answer, lambda content: _of_rows(random, content, _rename)
    ),
    "metrics": lambda random, answer: _edited(answer, lambda content: _metrics(random, content)),
}
"""What is told instead; None where that cannot be done to the answer."""


def _date(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%a, %d %b %Y %H:%M:%S GMT}"


def sow(emulator: LocalServer) -> set[str]:
    """Make the fleet anew; return the names of the protected."""
    emulator.backend().reset()
    now = emulator.settings.clock()
    for name in ("ci-old-1", "ci-old-2", "ci-old-3"):
        put(emulator, name, DAY, tags={"team": name}, message_ttl_seconds=90)
    put(emulator, "ci-expired", DAY, tags={"kvsops:expires-at": moment(now - HOUR)})
    protected = {
        "ci-keep": {"kvsops:keep": ""},
        "ci-leased": {"kvsops:expires-at": moment(now + 10 * HOUR)},
        "ci-stack": {"aws:cloudformation:stack-name": "media"},
        "ci-used": {"kvsops:expires-at": moment(now - HOUR)},
    }
    for name, tags in protected.items():
        put(emulator, name, DAY, tags=tags)
    use(emulator, "ci-used", now - timedelta(minutes=30), masters=1)
    put(emulator, "ci-young", timedelta(minutes=5))
    put(emulator, "ci-linked", DAY, stored=True)
    for name, hours in (("film", 24), ("archive", 720)):
        stream(emulator, name, hours, age=30 * DAY, moved=[Moved(now - HOUR, 2**40, 2**38)])
    backend = emulator.backend()
    archive = next(each for each in backend.streams.values() if each.stream_name == "archive")
    backend.tag_stream("archive", archive.arn, {"kvsops:retention": "24h"})
    return {*protected, "ci-young", "ci-linked"}


@dataclass
class Run:
    """One command, and what was found wrong with it."""

    argv: Sequence[str]
    wrong: list[str]
    changed: Counter[str]
    output: str = ""


class Bench:
    """An emulator, a directory for journals, and commands run through nonsense."""

    def __init__(self, random: Random, *, drips: bool) -> None:
        self.random, self.drips = random, drips
        self.stack = ExitStack()

    def __enter__(self) -> "Bench":
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(quotas=False, state_delay=timedelta())
        self.emulator = self.stack.enter_context(LocalServer(settings))
        self.patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in self.emulator.environment().items():
            self.patch.setenv(name, value)
        self.patch.chdir(self.directory)
        self.stack.enter_context(stamina.set_testing(True, attempts=3, cap=True))
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def run(self, argv: Sequence[str]) -> Run:
        """Run the command through nonsense on a new fleet; hold what it did against it."""
        protected, before = sow(self.emulator), self._tags()
        journal = self.directory / "journal.jsonl"
        journal.unlink(missing_ok=True)
        share = self.random.choice([0.05, 0.2, 0.5])
        nonsense = Nonsense(self.random, share, drips=self.drips)
        writes, free = "--yes" in argv, argv[0] != "sweep"
        more = ["--journal", str(journal)] if writes else []
        more += ["--deadline", f"{DEADLINE_SECONDS}s"] if argv[0] == "sweep" else []
        began = time.monotonic()
        with between(self.emulator.environment()["AWS_ENDPOINT_URL"], nonsense) as url:
            code, told = self._kvsops(*argv, *more, "--endpoint-url", url)
        seconds, gone = time.monotonic() - began, before.keys() - names(self.emulator)
        longest = LONGEST_SECONDS + 60 * nonsense.changed["drip"] * free
        found = {
            f"deleted though protected: {sorted(gone & protected)}": bool(gone & protected),
            "ended as a defect": "a defect in kvsops" in told or "Traceback" in told,
            f"took {seconds:.0f} s": seconds > longest,
            f"exit 0 after {self._false(nonsense)}": code == 0 and bool(self._false(nonsense)),
            f"deleted though nothing was to be: {sorted(gone)}": bool(gone) and not writes,
        }
        wrong = [what for what, is_so in found.items() if is_so]
        wrong += self._lost(gone, before, journal) if gone else []
        wrong += self._false_bill(told) if tuple(argv) == BILL and code == 0 else []
        return Run([*argv], wrong, nonsense.changed, told)

    def _kvsops(self, *argv: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, argv, prog_name="kvsops")
        escaped = result.exception is not None and not isinstance(result.exception, SystemExit)
        told = f"Traceback: {result.exception!r}\n" if escaped else ""
        return result.return_value or result.exit_code, told + result.stdout + result.stderr

    def _false_bill(self, told: str) -> list[str]:
        """Say how a bill is less than the true one, or more than it."""
        read = json.JSONDecoder().raw_decode  # what stands below it is standard error
        found, true = (read(each)[0]["in_all"] for each in (told, self._kvsops(*BILL)[1]))
        spent, truth = found["month_to_date_usd"], true["month_to_date_usd"]
        right = spent is None or abs(spent - truth) < 0.01 * truth
        least = found["lower_bound"] and spent is not None and spent <= truth * 1.01
        return [] if right or least else [f"told ${spent}, which is ${truth}"]

    def _tags(self) -> dict[str, dict[str, str]]:
        return {name: dict(each.tags) for name, each in self.emulator.backend().channels.items()}

    def _false(self, nonsense: Nonsense) -> list[str]:
        """Return the questions whose last answer was not the service's."""
        read = {op: kind for (op, _), kind in nonsense.unreal.items() if op not in HINTS}
        return sorted(f"{op}: {kind}" for op, kind in read.items() if op.startswith(READING))

    def _lost(self, gone: set[str], before: Mapping[str, object], journal: Path) -> list[str]:
        """Say of which deleted channels the journal does not lead back to what they were."""
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        told = {each["channel_name"]: each["tags"] for each in lines if "tags" in each}
        wrong = [f"{each} is not journalled" for each in gone if told.get(each) != before[each]]
        code, said = self._kvsops("restore", str(journal), "-o", "json", "--region", "us-east-1")
        offered = said if code == 0 else ""
        return wrong + [f"restore says {said}" for each in gone if f'"{each}"' not in offered]


def runs(number: int, seed: int, *, drips: bool = False) -> Iterator[Run]:
    """Yield runs until so many answers have been changed."""
    random, changed = Random(seed), 0  # noqa: S311 - to be had again
    with Bench(random, drips=drips) as bench:
        while changed < number:
            run = bench.run(random.choice(COMMANDS))
            changed += run.changed.total()
            yield run


def main() -> int:
    """Change as many answers as are asked for; print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.nonsense", description=__doc__)
    parser.add_argument("number", type=int, help="answers to change")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    changed, ran, wrong = Counter[str](), 0, 0
    for run in runs(asked.number, asked.seed, drips=True):
        ran, changed = ran + 1, changed + run.changed
        for what in run.wrong:
            wrong += 1
            print(f"{' '.join(run.argv)}: {what} ({dict(run.changed)})\n{run.output}")  # noqa: T201
    print(f"{changed.total()} answers changed in {ran} runs: {wrong} wrong")  # noqa: T201
    print(json.dumps(dict(changed.most_common()), indent=1))  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

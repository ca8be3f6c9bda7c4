"""The last step of a deployed sweep: what the run came to, added up and told."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from kvsops.fleet.deploy.kept import recovered
from kvsops.fleet.deploy.steps import SAID, Data, Hub, Run, path_of, short
from kvsops.output.fit import shortened
from kvsops.output.text import count, safe, without_secrets

_LONGEST: Final = 500
"""Characters of a line of the message: others' errors may be of any length."""


@dataclass(slots=True)
class _Total:
    """What a run came to."""

    wrong: list[str] = field(default_factory=list)
    blown: list[str] = field(default_factory=list)
    sums: Data = field(default_factory=dict)

    def take(self, told: Data) -> None:
        """Add what one place came to."""
        where = f"{told['account_id']} {told['region']}"
        if why := told.get("failure"):
            self.wrong.append(f"{where}: {why}")
        if why := told.get("blown"):
            self.blown.append(f"{where}: {why}")
        self.wrong += [f"{where}: {each}" for each in told.get("problems", ())]
        self.wrong += told.get("failed", ())
        for key in ("listed", "doomed", "deleted", "marked", "unmarked", "left", "uncertain"):
            self.sums[key] = self.sums.get(key, 0) + told.get(key, 0)


def total(event: Data, hub: Hub) -> Data:
    """Add up what a run came to; publish it where anything failed or a fuse blew."""
    run, sum_up = Run.of(hub, event), _Total()
    if error := event.get("error"):
        sum_up.wrong.append(f"the run broke off: {_cause(error)}")
    for each in run.found("missed") or []:
        where = " ".join(filter(None, (each["account_id"], each["region"]))) or "everywhere"
        if not each["excused"]:
            sum_up.wrong.append(f"{where}: {each['why']}")
    planned = _excused(run.found("planned") or [])
    of_all = (event.get("fuse") or {}).get("of", {})
    for each in planned:
        sum_up.take(each)
    if of_all.get("delete"):
        for each in run.of_each("outcomes", run.read("doomed")):
            sum_up.take(_recovered(run, each))
    if of_all.get("blown"):
        sum_up.blown.append(of_all["blown"])
    told = _told(run, sum_up, len(planned))
    run.write("total", told)
    if told["exit_code"]:
        hub.publish(*message(run, told))
    return short(told)


def _cause(error: Data) -> str:
    """Return what a step failed of: a function's error is JSON, which has more than its message."""
    said = str(error.get("Cause") or error.get("Error"))
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(said)["errorMessage"])
    return said


def _recovered(run: Run, told: Data) -> Data:
    """Say of a place that failed where the journal of what it had begun is; it is `uncertain`."""
    if not told.get("failure"):
        return told
    journal = recovered(run.hub.bucket, f"{run.name}/{path_of(told)}")
    if not journal:
        return told
    return told | {"failure": f"{told['failure']}; its journal: {journal}", "uncertain": 1}


def _excused(planned: list[Data]) -> list[Data]:
    """Believe that a region is not enabled where the account's role worked in another.

    AWS answers the same to credentials that it does not know at all.
    """
    worked = {each["account_id"] for each in planned if "failure" not in each}
    return [
        {**each, "failure": ""} if each.get("closed") and each["account_id"] in worked else each
        for each in planned
    ]


def _told(run: Run, sum_up: _Total, places: int) -> Data:
    code = 1 if sum_up.wrong else 3 if sum_up.blown else 0
    return {
        "run": run.name,
        "places": places,
        **sum_up.sums,
        "blown": sum_up.blown,
        "failures": sum_up.wrong,
        "exit_code": code,
        "dry_run": not run.settings.deletes,
    }


def message(run: Run, told: Data) -> tuple[str, str]:
    """Return the subject and the text of what is published: the outcome first, then why."""
    least = " at least" if told.get("uncertain") else ""
    did = "would delete" if told["dry_run"] else f"deleted{least}"
    number = told.get("doomed" if told["dry_run"] else "deleted", 0)
    outcome = f"{did} {count(number, 'channel')} in {count(told['places'], 'place')}"
    failures, blown = told["failures"], told["blown"]
    what = f"{len(failures)} failed" if failures else f"{count(len(blown), 'fuse')} blew"
    said = [*(f"fuse: {each}" for each in blown), *(f"failed: {each}" for each in failures)]
    lines = [
        outcome,
        *(shortened(safe(without_secrets(each)), _LONGEST, "end") for each in said[:SAID]),
        *([f"and {len(said) - SAID:,} more"] if said[SAID:] else []),
        f"All of it: s3://{run.hub.bucket.name}/runs/{run.name}/total.json",
        f"Journals: s3://{run.hub.bucket.name}/journals/{run.name}/",
    ]
    return f"kvsops sweep: {what}: {outcome}"[:99], "\n".join(lines) + "\n"

"""An organization of AWS's, and roles that change, as somebody before the emulator answers them.

The roles' credentials are the emulator's own: only what is said of them is changed.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from kvsops.fleet.asked import Asked
from kvsops.fleet.finding import Finding
from kvsops.fleet.opening import Surroundings
from kvsops.fleet.place import Places
from kvsops.fleet.selection import finding_of, places_of
from tests.between import Answer

HOME = "123456789012"
Pages = list[list[dict[str, str]]]


def account(account_id: str, state: str = "ACTIVE") -> dict[str, str]:
    """Return a row of ListAccounts."""
    return {"Id": account_id, "Name": f"a{account_id}", "State": state}


@dataclass
class Organization:
    """What is answered: pages by parent (None: of all accounts), and what the roles do.

    `fails` has an operation's number of a call, from 1, and the error that it gets. An account in
    `denying` lets nobody assume its roles; one in `led_to` gives another's credentials. A session
    `lives` so long, as the answer tells it. A call in `waits` is answered when another operation
    was asked so often.
    """

    pages: dict[str | None, Pages] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    fails: dict[tuple[str, int], str] = field(default_factory=dict)
    denying: set[str] = field(default_factory=set)
    led_to: dict[str, str] = field(default_factory=dict)
    waits: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    expiration: str | None = None
    asked: Counter[str] = field(default_factory=Counter)
    sessions: list[dict[str, str]] = field(default_factory=list)

    def change(self, operation: str, answer: Answer) -> Answer:
        """Answer the operation, or let the emulator's answer pass."""
        self.asked[operation] += 1
        other, times = self.waits.get((operation, self.asked[operation]), ("", 0))
        while self.asked[other] < times:
            time.sleep(0.01)
        if error := self.fails.get((operation, self.asked[operation])):
            if operation == "AssumeRole":
                return _refused(error)
            return _json({"__type": error, "Message": "no"}, 400)
        if operation == "AssumeRole":
            return self._assumed(answer)
        if operation in ("ListAccounts", "ListAccountsForParent"):
            return self._listed(json.loads(answer.asked))
        if operation == "ListOrganizationalUnitsForParent":
            units = self.units.get(json.loads(answer.asked)["ParentId"], [])
            return _json({"OrganizationalUnits": [{"Id": unit} for unit in units]})
        return answer

    def _listed(self, asked: dict[str, Any]) -> Answer:
        pages = self.pages.get(asked.get("ParentId"))
        if pages is None:
            return _json({"__type": "ParentNotFoundException", "Message": "no"}, 400)
        at = int(asked.get("NextToken", 0))
        more = {"NextToken": str(at + 1)} if at + 1 < len(pages) else {}
        return _json({"Accounts": pages[at], **more})

    def _assumed(self, answer: Answer) -> Answer:
        asked = {name: values[0] for name, values in parse_qs(answer.asked.decode()).items()}
        self.sessions.append(asked)
        account_id = asked["RoleArn"].split(":")[4]
        if account_id in self.denying:
            return _refused("AccessDenied")
        text = answer.body.decode()
        if self.expiration:
            text = re.sub(r"(<Expiration>)[^<]*", rf"\g<1>{self.expiration}", text)
        if other := self.led_to.get(account_id):
            text = text.replace(f"arn:aws:sts::{account_id}:", f"arn:aws:sts::{other}:")
        return Answer(answer.status, text.encode(), answer.headers)


def _refused(code: str) -> Answer:
    """Answer as STS refuses."""
    said = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:AssumeRole"
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{said}</Message></Error>"
    text = f"<ErrorResponse>{error}</ErrorResponse>"
    return Answer(403, text.encode(), {"content-type": "text/xml"})


def _json(answer: Mapping[str, Any], status: int = 200) -> Answer:
    headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "1"}
    return Answer(status, json.dumps(answer).encode(), headers)


@dataclass
class Fleet:
    """What finds places: with what surrounds the scopes."""

    around: Surroundings

    def __call__(self, **asked: Any) -> Places:
        """Find the places that are asked for."""
        return places_of(Asked(**asked), self.around)

    def coming(self, **asked: Any) -> Finding:
        """Find them while work in the first of them has begun."""
        return finding_of(Asked(**asked), self.around)

"""A call of an AWS operation over HTTP, and its answer."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from kvsops.local.api.model import operations

DEFAULT_REGION = "us-east-1"

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]*/([^/]+)/([^/]+)/aws4_request")
_REST_XML = frozenset({"cloudfront", "route53", "s3", "s3express"})
"""The signing names of the services that speak REST with XML."""
_STS_VERSION = "2011-06-15"  # of the services here only STS is also called unsigned


@dataclass(frozen=True)
class Call:
    """One HTTP request as AWS's clients send it. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @cached_property
    def _credential(self) -> tuple[str, str, str]:
        """Access key id, region and signing name out of the signature; empty if there is none."""
        found = _CREDENTIAL.search(self.headers.get("authorization", ""))
        return (found[1], found[2], found[3]) if found else ("", "", "")

    @property
    def access_key_id(self) -> str:
        """Who makes the call; empty if it is unsigned."""
        return self._credential[0]

    @property
    def region(self) -> str:
        """The region it was signed for."""
        return self._credential[1] or DEFAULT_REGION

    @cached_property
    def service(self) -> str:
        """The service's signing name; empty if the call does not say."""
        if self._credential[2]:
            return self._credential[2].lower()
        return "sts" if self._form.get("Version") == [_STS_VERSION] else ""

    @cached_property
    def operation(self) -> str:
        """The API operation's name; the method and path if there is none."""
        if self.service == "kinesisvideo" and self.path in operations("kinesisvideo"):
            return str(operations("kinesisvideo")[self.path].name)
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if "/operation/" in self.path:
            return self.path.rpartition("/")[2]
        return self._form.get("Action", [f"{self.method} {self.path}"])[0]

    @cached_property
    def channel_name(self) -> str | None:
        """The channel or stream the operation is about, if any: its name, which an ARN has too."""
        try:
            asked = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(asked, dict):
            return None
        arn = asked.get("ChannelARN") or asked.get("ResourceARN") or asked.get("StreamARN")
        named = asked.get("ChannelName") or asked.get("StreamName")
        name = arn.split("/")[1] if isinstance(arn, str) and "/" in arn else named
        return name if isinstance(name, str) else None

    @property
    def role_account_id(self) -> str | None:
        """The account of the role that it asks to assume."""
        found = re.match(r"arn:[a-z-]+:iam::([0-9]{12}):", self._form.get("RoleArn", [""])[0])
        return found[1] if found else None

    @property
    def is_form(self) -> bool:
        """Whether it is in AWS's query protocol."""
        return "x-www-form-urlencoded" in self.headers.get("content-type", "")

    @property
    def has_xml_answers(self) -> bool:
        """Whether its client reads XML."""
        return self.is_form or self.service in _REST_XML

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of the top-level parameters given; empty where they cannot be read."""
        if self.is_form:
            return frozenset(name.partition(".")[0] for name in self._form)
        try:
            asked = json.loads(self.body)
        except (ValueError, RecursionError):
            return frozenset()
        given = asked.items() if isinstance(asked, dict) else ()
        return frozenset(name for name, value in given if value is not None)

    @cached_property
    def _form(self) -> dict[str, list[str]]:
        """The parameters of a call in AWS's query protocol."""
        if not self.is_form:
            return {}
        return parse_qs(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. Header names are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """`ok`, or the AWS error code, or the status where the answer has no code."""
        if self.status < 400:  # noqa: PLR2004 - HTTP's first error
            return "ok"
        code = self.headers.get("x-amzn-errortype") or _code_in(self.body)
        return code or f"HTTP {self.status}"


def json_answer(content: object, status: int = 200) -> Answer:
    """Return an answer of our own, in JSON."""
    return Answer(status, json.dumps(content).encode(), {"content-type": "application/json"})


def error_answer(status: int, code: str, message: str) -> Answer:
    """Return an error as the JSON protocols have it: its code in the header and in the body."""
    content = {"__type": code, "message": message, "Message": message}
    plain = json_answer(content, status)
    return Answer(status, plain.body, plain.headers | {"x-amzn-errortype": code})


def error_to(call: Call, status: int, code: str, message: str) -> Answer:
    """Return an error in the call's protocol."""
    if not call.has_xml_answers:
        return error_answer(status, code, message)
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{escape(message)}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
    )
    return Answer(status, body.encode(), {"content-type": "text/xml", "x-amzn-errortype": code})


def date_header(now: datetime) -> dict[str, str]:
    """Return the emulator's time as a header: clients see by it that their own clock is off."""
    return {"date": format_datetime(now.astimezone(UTC), usegmt=True)}


def _code_in(body: bytes) -> str:
    """Return the error code in an answer of moto's: JSON's __type, or XML's Code."""
    found = re.search(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"|<Code>([^<]+)</Code>', body)
    return (found[1] or found[2]).decode() if found else ""

"""Each answer taken apart before anything believes it.

botocore makes an empty object of a page of HTML, and leaves a member of another type as it is. So
an answer is first held against the operation's own form: one that does not have it came from
somebody else, or is broken, and tells nothing. Unknown members and new enum values are no error.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from botocore import exceptions as botocore_errors

from kvsops.aws.quotas import KINESIS_VIDEO, OPERATIONS, ROWS, S3, writes
from kvsops.aws.shapes import misfit, moment, without_misfits

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.model import OperationModel, StructureShape

LARGEST: Final = 32 * 2**20
"""More bytes than any answer has: 10,000 channels take some 5 MB."""
CHUNK: Final = 2**16
DOUBTS: Final = "Doubts"
"""Where a parsed answer says which of its rows are not as they must be, by index."""

_TELL_TAGS: Final = ("ListTagsForResource", "ListTagsForStream")
_REQUEST_ID: Final = "x-amzn-requestid"
_TELL_AT_MOST: Final = 40  # characters of what a stranger wrote


class UnreadableAnswerError(botocore_errors.BotoCoreError):
    """What came is no answer of the operation; whether it was carried out is not known."""

    fmt = "{what}: something between here and AWS answered in its place (a proxy, a captive portal)"

    def __init__(self, what: str, status: int = HTTPStatus.OK) -> None:
        super().__init__(what=what)
        self.transient = status >= HTTPStatus.INTERNAL_SERVER_ERROR


def whole(
    send: "Callable[[AWSPreparedRequest], AWSResponse]", request: Any, **_: object
) -> "AWSResponse":
    """Send the request; return its answer, read to its end, which must be where it says.

    It stands in for botocore's own sending, which would read an answer of any size.
    """
    from botocore.awsrequest import AWSResponse
    from urllib3 import exceptions as urllib3_errors

    request.stream_output = True  # leaves the reading to us
    answer = send(request)
    url, body = answer.url, bytearray()
    try:
        for chunk in answer.raw.stream(CHUNK):
            body += chunk
            if len(body) > LARGEST:
                answer.raw.close()
                raise UnreadableAnswerError(f"the answer has more than {LARGEST // 2**20} MB")
    except urllib3_errors.ReadTimeoutError as error:
        raise botocore_errors.ReadTimeoutError(endpoint_url=url, error=error) from error
    except (urllib3_errors.HTTPError, OSError) as error:
        raise botocore_errors.ConnectionClosedError(endpoint_url=url, error=error) from error
    expected = answer.headers.get("content-length", "")
    if expected.isdecimal() and int(expected) != len(body):
        raise botocore_errors.IncompleteReadError(
            actual_bytes=len(body), expected_bytes=int(expected)
        )
    return AWSResponse(url, answer.status_code, answer.raw.headers, _Read(bytes(body)))


class _Read:
    """A body that has been read."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterable[bytes]:
        """Yield it, as urllib3's would be."""
        return (self._body,)

    def read(self, *_: object) -> bytes:
        """Return what is left of it: all of it, once. An object of S3 is read so."""
        body, self._body = self._body, b""
        return body


def check(
    operation_model: "OperationModel",
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: object,
) -> None:
    """Raise `UnreadableAnswerError` for what is no answer of the operation.

    botocore calls it before it parses. A row of a listing that is not as it must be does not spoil
    the others: what is wrong is taken out of it, and told in the parsed answer's `DOUBTS`.
    """
    answer = _Answer(operation_model, response_dict)
    if operation_model.service_model.service_name == S3:  # an object's body may be anything
        return
    if answer.status >= HTTPStatus.BAD_REQUEST:
        answer.check_error()
    elif answer.status != HTTPStatus.OK:
        raise answer.unreadable(f"status {answer.status}")
    elif operation_model.service_model.resolved_protocol == "query":
        answer.check_xml()
    else:
        customized_response_dict.update(answer.check_json())


class _Answer:
    """One answer, as it came."""

    def __init__(self, model: "OperationModel", response: dict[str, Any]) -> None:
        self.model, self.response = model, response
        self.status: int = response["status_code"]
        self.headers: Mapping[str, str] = response["headers"]
        self.body: bytes = response["body"]

    def unreadable(self, why: str) -> UnreadableAnswerError:
        """Say what came instead: its kind and size, never its text."""
        kind = self.headers.get("content-type", "").partition(";")[0] or "no content type"
        what = f"not an answer of {self.model.name} but {_safe(kind)}, {len(self.body)} bytes"
        return UnreadableAnswerError(f"{what} ({why})", self.status)

    def check_error(self) -> None:
        """Refuse an error without a code of AWS's: botocore would make one of any page's status."""
        if not (_is_code(self.headers.get("x-amzn-errortype")) or self._has_code()):
            raise self.unreadable(f"status {self.status}")

    def _has_code(self) -> bool:
        try:
            if self.body.lstrip().startswith(b"<"):
                tags = ET.fromstring(self.body).iter()  # noqa: S314 - botocore parses it, too
                return any(each.tag.endswith("Code") and _is_code(each.text) for each in tags)
            found = json.loads(self.body)
        except (ValueError, RecursionError, ET.ParseError):
            return False
        return isinstance(found, dict) and any(
            _is_code(found.get(key)) for key in ("__type", "code", "Code")
        )

    def check_xml(self) -> None:
        """Hold an answer in XML against its root; what is needed of it is checked where it is."""
        try:
            root = ET.fromstring(self.body).tag  # noqa: S314 - botocore parses it, too
        except ET.ParseError:
            raise self.unreadable("it is not XML") from None
        if root.rpartition("}")[2] != f"{self.model.name}Response":
            raise self.unreadable("another document")

    def check_json(self) -> dict[str, Any]:
        """Hold an answer in JSON against the operation's output; return what is known of it so."""
        shape, own = self.model.output_shape, self.headers.get(_REQUEST_ID)
        operation = OPERATIONS.get(self.model.name)
        if operation and operation.service == KINESIS_VIDEO and not own:
            # Its every answer bears the header. One that may leave a member out (no answer of a
            # write has any; whether AWS leaves out `Tags` where there are none is not known) is
            # told from a stranger's `{}` by nothing else.
            raise self.unreadable(f"no {_REQUEST_ID}")
        if not self.body and own and writes(self.model.name):
            return {}
        answer = self._object()
        needs = operation.needs if operation else ()
        if missing := next((key for key in needs if answer.get(key) is None), None):
            raise self.unreadable(f"no {missing}")
        if "Tags" in answer and answer["Tags"] is None and self.model.name in _TELL_TAGS:
            raise self.unreadable("no Tags")
        doubts = self._doubts(shape, answer) if shape is not None else {}
        known: dict[str, Any] = {DOUBTS: doubts} if doubts else {}
        if self.model.name == "GetMetricData":
            # botocore's parser would take several times what all else does with 40,000 rows.
            self.response["body"] = b"{}"
            known |= _present(answer)
            known["MetricDataResults"] = [_timed(row) for row in answer["MetricDataResults"]]
        return known

    def _object(self) -> dict[str, Any]:
        try:
            answer = json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self.unreadable("it is not JSON") from None
        if not isinstance(answer, dict):
            raise self.unreadable("it is not an object")
        return answer

    def _doubts(self, shape: "StructureShape", answer: dict[str, Any]) -> dict[int, str]:
        """Hold it against its shape; take what is wrong out of rows, say which rows, and what."""
        key, identity = ROWS.get(self.model.name, ("", ()))
        rows: Any = answer.get(key)
        in_rows = isinstance(rows, list)
        # Each row is looked at by itself, and once: there may be 10,000.
        if wrong := misfit(shape, answer | {key: []} if in_rows else answer):
            raise self.unreadable(f"{wrong} is of another type")
        if not in_rows:
            return {}
        row_shape = shape.members[key].member  # type: ignore[attr-defined]  # a list's
        doubts = {}
        for at, row in enumerate(rows):
            if wrong := misfit(row_shape, row):
                doubts[at] = f"its {wrong} is of another type" if isinstance(row, dict) else "empty"
                rows[at] = without_misfits(row_shape, row)
            elif lacks := next((each for each in identity if row.get(each) is None), None):
                doubts[at] = f"it has no {lacks}"
        if doubts:
            self.response["body"] = json.dumps(answer).encode()
        return doubts


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    times = [moment(each) for each in row.get("Timestamps") or ()]
    return _present(row) | {"Timestamps": times}


def _is_code(text: object) -> bool:
    return isinstance(text, str) and text[:1].isalpha()


def _refuse(literal: str) -> None:
    raise ValueError(literal)


def _safe(text: str) -> str:
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text)[
        :_TELL_AT_MOST
    ]

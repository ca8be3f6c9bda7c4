"""GetMetricData's queries, put into its request as they are.

They are written as the service reads them. botocore would look each value up in its model, which
for 500 queries a request took longer than all else that there is to a call.
"""

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.session import Session

_MEMBER: Final = "MetricDataQueries"
_OPERATION: Final = "cloudwatch.GetMetricData"


def put_in_as_they_are(session: "Session") -> None:
    """Let the session's clients leave the queries to us."""
    session.register(f"before-parameter-build.{_OPERATION}", _set_aside)  # type: ignore[arg-type]  # by keywords
    session.register(f"before-call.{_OPERATION}", _put_in)  # type: ignore[arg-type]  # by keywords


def _set_aside(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context[_MEMBER] = params.pop(_MEMBER)


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    body = json.loads(params["body"]) | {_MEMBER: context.pop(_MEMBER)}
    params["body"] = json.dumps(body).encode()

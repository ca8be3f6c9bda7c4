"""Lambda functions whose code runs here, in the process that moto is in."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from moto.awslambda_simple.models import LambdaSimpleBackend


@dataclass(frozen=True, slots=True)
class Context:
    """What a function is told of its own run, as far as ours ask; and what its process would have.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name: str
    timeout: int
    role: str
    """The ARN of the role that it runs by."""
    environment: Mapping[str, str]
    """The variables of its own; it shares this process with others."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until it would be ended."""
        return self.timeout * 1000


Code = Callable[[Any, Context], Any]


class LambdaBackend(LambdaSimpleBackend):
    """Calls the code that is registered under a function's handler, as moto's Docker would.

    An exception of it becomes the function's error: the caller, as a state machine, sees its type.
    """

    SERVICE_NAMESPACE = "lambda"
    code: ClassVar[dict[str, Code]] = {}

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,  # noqa: ARG002 - inherited
        response_headers: Any,
    ) -> str | bytes | None:
        """Run the function; return its answer, as JSON."""
        function = self.get_function(function_name, qualifier)
        context = Context(
            function.function_name, function.timeout, function.role, function.environment_vars
        )
        try:
            answer = self.code[str(function.handler)](json.loads(body or "{}"), context)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the function's
            response_headers["x-amz-function-error"] = "Unhandled"
            answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return json.dumps(answer).encode()

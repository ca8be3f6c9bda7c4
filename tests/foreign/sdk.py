"""AWS's JavaScript SDK v3 in Node, called from here: what it makes of the emulator's answers."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from tests.foreign.peer import command


class Refusal(NamedTuple):
    """An exception of the SDK's; `typed` tells whether it has a class of its own for it."""

    name: str
    status: int | None
    typed: bool


class Sdk:
    """The SDK while it runs, with this environment: `with Sdk(emulator.environment()) as sdk: …`.

    Clients are named as their packages are, without `@aws-sdk/client-`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._command, self._folder = command("sdk.mjs")
        self._environment = dict(environment)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it wants a newer Node from 2027 on
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def call(self, client: str, operation: str, *, at: str | None = None, **given: Any) -> Any:
        """Return the operation's output, from the endpoint `at`; a `Refusal` if it throws."""
        return self._asked(
            {"client": client, "operation": operation, "input": given, "endpoint": at}
        )

    def pages(self, client: str, operation: str, size: int, **given: Any) -> Any:
        """Return all pages that the SDK's own paginator yields."""
        call = {"client": client, "operation": operation, "input": given}
        return self._asked(call | {"paginate": True, "pageSize": size})

    def _asked(self, call: Mapping[str, object]) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("it is not running")
        self._process.stdin.write(json.dumps(call) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if error := answer.get("error"):
            return Refusal(error["name"], error["status"], error["typed"])
        return answer["output"]

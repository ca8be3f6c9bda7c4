"""A deployed sweep on moto's engine: the stack, the members' roles, the schedule, what came of it.

The functions run in this process, each by its role's credentials; what they call of AWS is the
emulator over HTTP, but for their own bucket and topic, which are moto's here.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sns.models import sns_backends
from moto.sts.models import sts_backends

from kvsops.aws.objects import Bucket
from kvsops.fleet.deploy import handler, steps, total
from kvsops.fleet.opening import Surroundings
from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.engine.extension import install
from kvsops.local.engine.functions import Context
from kvsops.local.server import LocalServer
from kvsops.local.sts.models import remember

CONFIG: Any = {
    "core": {"mock_credentials": False},
    "lambda": {"use_docker": False},
    "stepfunctions": {"execute_state_machine": True},
}
REGION = "us-east-1"
PACKAGE = ("code", "kvsops.zip")
RUN = "run-1"
"""What AWS would make up: moto leaves it out."""
STEPS = {
    "list": steps.list_places,
    "plan": steps.plan,
    "fuse": steps.fuse,
    "delete": steps.delete,
    "total": total.total,
}


def client(service: str, account_id: str = ACCOUNT_ID) -> Any:
    """Make a client of moto's, in this process, in an account."""
    make: Any = boto3.client
    made = make(service, REGION, aws_access_key_id="a", aws_secret_access_key="b")

    def in_account(params: Any, **_: Any) -> None:
        params["headers"]["x-moto-account-id"] = account_id

    made.meta.events.register("before-call", in_account)
    return made


@dataclass
class Engine:
    """The stack when it is there, and the emulator that its functions call."""

    local: LocalServer
    stack: Mapping[str, str]
    used: set[tuple[str, str, str]]
    """What the functions did in their bucket: the step, the action, the key."""

    def run(self, status: str = "SUCCEEDED") -> dict[str, Any]:
        """Start the state machine as the schedule would; return what it came to."""
        schedules = client("scheduler")
        (found,) = schedules.list_schedules()["Schedules"]
        target = schedules.get_schedule(Name=found["Name"])["Target"]
        machines = client("stepfunctions")
        given = {"stateMachineArn": target["Arn"], "input": target.get("Input", "{}")}
        execution = machines.start_execution(**given, name=RUN)["executionArn"]
        while (came := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(0.1)
        assert came["status"] == status, came
        told: dict[str, Any] = json.loads(came.get("output", "{}"))
        return told

    def keys(self, prefix: str) -> list[str]:
        """Return the keys in the bucket that begin so."""
        answer = client("s3").list_objects_v2(Bucket=self.stack["Bucket"], Prefix=prefix)
        return [each["Key"] for each in answer.get("Contents", [])]

    def messages(self) -> list[dict[str, str]]:
        """Return what was published to the stack's topic."""
        topic = sns_backends[ACCOUNT_ID][REGION].topics[self.stack["Topic"]]
        return [
            {"subject": str(subject), "text": str(text)}
            for _, text, subject, *_ in topic.sent_notifications
        ]

    def get(self, key: str) -> bytes:
        """Return an object of the bucket."""
        body: bytes = client("s3").get_object(Bucket=self.stack["Bucket"], Key=key)["Body"].read()
        return body


@contextmanager
def deployed(
    local: LocalServer, hub: str, members: Mapping[str, str], killed: tuple[str, str] = ("", "")
) -> Iterator[Engine]:
    """Yield the engine with the hub's template created, and those of members in their accounts.

    The function of the step in `killed` is killed where it writes an object whose key begins so.
    """
    with mock_aws(config=CONFIG):
        local.stop()  # `mock_aws` begins with nothing
        local.start()
        used: set[tuple[str, str, str]] = set()
        install(
            {f"{handler.__name__}.on_{name}": _code(local, name, used, killed) for name in STEPS}
        )
        _put_package()
        for account_id, template in members.items():
            create("member", template, account_id)
        yield Engine(local, create("hub", hub, ACCOUNT_ID), used)


def _put_package() -> None:
    """Put something where the functions' package would be."""
    bucket, key = PACKAGE
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key=key, Body=b"PK")


def create(name: str, template: str, account_id: str) -> dict[str, str]:
    """Create a stack in an account, as its CloudFormation would; return its outputs."""
    made = client("cloudformation", account_id)
    made.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    (stack,) = made.describe_stacks(StackName=name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


@dataclass(frozen=True)
class Watched(Bucket):
    """A function's bucket, which notes what is done in it."""

    step: str
    used: set[tuple[str, str, str]]
    killed: tuple[str, str]

    def put(self, key: str, data: bytes) -> None:
        """Note it, and do it."""
        step, prefix = self.killed
        if step == self.step and key.startswith(prefix):
            raise RuntimeError("Runtime exited with error: signal: killed")
        self.used.add((self.step, "s3:PutObject", key))
        super().put(key, data)

    def get(self, key: str) -> bytes:
        """Note it, and do it."""
        self.used.add((self.step, "s3:GetObject", key))
        return super().get(key)


def _code(
    local: LocalServer, name: str, used: set[tuple[str, str, str]], killed: tuple[str, str]
) -> Callable[[Any, Context], Any]:
    def run(event: Any, context: Context) -> Any:
        seconds = context.get_remaining_time_in_millis() / 1000
        with _ALONE, pytest.MonkeyPatch.context() as patch:
            for variable, value in _signed_in(context.role).items():
                patch.setenv(variable, value)
            own = {**os.environ, **context.environment, "AWS_REGION": REGION}
            around = Surroundings(environ=own | {"AWS_ENDPOINT_URL": local.endpoint_url})
            hub = handler.hub(own, around, seconds)
            bucket = Watched(hub.bucket.name, hub.bucket.scope, name, used, killed)
            return STEPS[name](event, replace(hub, bucket=bucket))

    return run


_ALONE = Lock()
"""A function's credentials are in its process's environment, which here is everybody's."""


def _signed_in(role_arn: str) -> dict[str, str]:
    """Return credentials of a function's role, as Lambda gives them to its process."""
    hour = timedelta(hours=1)
    assumed = sts_backends[ACCOUNT_ID]["aws"].assume_role(
        region_name=REGION,
        role_session_name="function",
        role_arn=role_arn,
        policy="",
        duration=int(hour.total_seconds()),
        external_id="",
    )
    remember(assumed, hour)
    return {
        "AWS_ACCESS_KEY_ID": assumed.access_key_id,
        "AWS_SECRET_ACCESS_KEY": assumed.secret_access_key,
        "AWS_SESSION_TOKEN": assumed.session_token,
    }

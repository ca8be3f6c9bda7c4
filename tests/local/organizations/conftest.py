"""An emulator with an organization of five accounts, over HTTP."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.settings import Settings
from tests.local.conftest import Clock, Emulator

Connect = Callable[..., Any]
OWN = {"AccessKeyId": ACCESS_KEY_ID, "SecretAccessKey": SECRET_ACCESS_KEY}


@pytest.fixture
def settings(clock: Clock) -> Settings:
    """Make settings with an organization."""
    return Settings(quotas=False, clock=clock, accounts=5)


@pytest.fixture
def connect(over_http: Emulator) -> Connect:
    """Make clients with credentials as AssumeRole gives them, or else the caller's own."""

    def connect(
        service: str, credentials: dict[str, str] | None = None, region: str = "us-east-1"
    ) -> Any:
        given = OWN if credentials is None else credentials
        make: Callable[..., Any] = boto3.Session().client
        return make(
            service,
            region_name=region,
            endpoint_url=over_http.endpoint_url,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
        )

    return connect


@pytest.fixture
def assume(connect: Connect) -> Callable[..., dict[str, str]]:
    """Assume a role of an account, and answer its credentials."""

    def assume(account_id: str, name: str = "kvsops-sweep", **more: Any) -> dict[str, str]:
        credentials: dict[str, str] = connect("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account_id}:role/{name}", RoleSessionName="me", **more
        )["Credentials"]
        return credentials

    return assume

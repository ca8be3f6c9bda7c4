"""Who is answered: attacked as a page in a browser, and by a name led to this machine."""

from __future__ import annotations

import http.client
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore import UNSIGNED as UNSIGNED_CLIENT

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.settings import utc_now
from tests.local.conftest import failure
from tests.local.http_calls import signed

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Emulator

EVIL = "https://evil.example"
TOPIC = {"Action": "CreateTopic", "Name": "t", "Version": "2010-03-31"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DENIED, UNSIGNED = "AccessDeniedException", "MissingAuthenticationTokenException"


def ask(
    local: LocalServer,
    method: str = "POST",
    path: str = "/listSignalingChannels",
    *,
    body: str = "{}",
    service: str = "",
    **named: str,
) -> tuple[int, str, str | None]:
    """Send a request; answer its status, its error and which origin may read it.

    The headers are named with underscores. It is signed where a service is given.
    """
    headers = {name.replace("_", "-"): value for name, value in named.items()}
    if service:
        headers = signed(method, local.endpoint_url + path, body, service, headers)
    connection = http.client.HTTPConnection("127.0.0.1", local.port, timeout=10)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    found = answer.headers
    return answer.status, found.get("x-amzn-errortype", ""), found["Access-Control-Allow-Origin"]


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1.evil.example", "file://"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
@pytest.mark.parametrize("service", ["", "kinesisvideo"])
def test_pages_of_other_sites(
    *, local: LocalServer, origin: str, method: str, service: str
) -> None:
    """Whatever they send is refused unread, and they may not read the answer either."""
    asked = ask(local, method, body="text", service=service, Origin=origin)
    assert asked == (403, DENIED, None)
    assert local.calls == {}


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]", "http://a.localhost"],
)
def test_pages_on_this_machine(local: LocalServer, origin: str) -> None:
    """They may call what AWS's clients call, and read the answer."""
    assert ask(local, "OPTIONS", Origin=origin) == (204, "", origin)
    assert ask(local, service="kinesisvideo", Origin=origin) == (200, "", origin)
    assert ask(local, "GET", "/kvsops-api/calls", Origin=origin)[:2] == (403, DENIED)


def test_an_origin_let_in(local: LocalServer) -> None:
    """What the user names may call, too."""
    local.settings.allowed_origins = frozenset({EVIL, "null"})
    for origin in (EVIL, "null"):
        assert ask(local, service="kinesisvideo", Origin=origin) == (200, "", origin)
    assert ask(local, Origin=f"{EVIL}:8443") == (403, DENIED, None)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:80", "203.0.113.7", "kvs:80", "a@127.0.0.1", ""],
)
def test_names_led_to_this_machine(local: LocalServer, host: str) -> None:
    """A page whose name was rebound is of the same origin for its browser, but its Host tells."""
    asked = ask(local, Host=host, Origin=f"http://{host}", service="kinesisvideo")
    assert asked == (403, DENIED, None)
    assert ask(local, "GET", "/kvsops-api/calls", Host=host)[:2] == (403, DENIED)
    assert local.calls == {}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:80", "127.0.0.2", "kvs:4579"])
def test_names_of_this_machine(local: LocalServer, host: str) -> None:
    """By these names it is asked here, or by the name of its container if that is let in."""
    local.settings.allowed_hosts = frozenset({"kvs"})
    assert ask(local, "GET", "/kvsops-api/calls", Host=host) == (200, "", None)


@pytest.mark.parametrize(
    ("site", "status"),
    [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_own_api(local: LocalServer, site: str, status: int) -> None:
    """It is for no page but its own, with or without an Origin."""
    own = {"Sec_Fetch_Site": site}
    assert ask(local, "GET", "/kvsops-api/calls", **own)[0] == status
    origin = local.endpoint_url
    assert ask(local, "GET", "/kvsops-api/calls", Origin=origin)[0] == 200


def test_a_topic_that_calls_into_this_machine(local: LocalServer) -> None:
    """No other service of moto's is there, signed or not, for a page or for a program."""
    body = urlencode(TOPIC)
    assert ask(local, "POST", "/", body=body)[:2] == (403, UNSIGNED)
    assert ask(local, "POST", "/", body=body, **FORM)[:2] == (403, "MissingAuthenticationToken")
    assert ask(local, "POST", "/?" + body, body="")[:2] == (403, UNSIGNED)
    signed = ask(local, "POST", "/", body=body, service="sns", **FORM)
    assert signed[:2] == (404, "UnknownOperationException")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("cloudformation", "create_stack", {"StackName": "a", "TemplateBody": "{}"}),
        ("cloudformation", "describe_stacks", {}),
        ("cloudfront", "list_distributions", {}),
        ("ec2", "describe_vpcs", {}),
        ("events", "list_rules", {}),
        ("iam", "list_users", {}),
        ("lambda", "list_functions", {}),
        ("logs", "describe_log_groups", {}),
        ("organizations", "list_accounts", {}),
        ("route53", "list_hosted_zones", {}),
        ("s3", "list_buckets", {}),
        ("s3", "get_object", {"Bucket": "b", "Key": "k"}),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}),
        ("sns", "list_topics", {}),
        ("sqs", "list_queues", {}),
        ("ssm", "get_parameter", {"Name": "a"}),
    ],
)
def test_other_services(
    *,
    over_http: Emulator,
    caplog: pytest.LogCaptureFixture,
    service: str,
    operation: str,
    parameters: dict[str, Any],
) -> None:
    """Each is refused in one line, in its own protocol, and nothing of it is done or logged."""
    client: Any = over_http.client(service, s3={"addressing_style": "path"})
    code, status, message = failure(getattr(client, operation), **parameters)
    assert (code, status) == ("UnknownOperationException", 404)
    without = " without --accounts N" if service in {"organizations", "sns"} else ""
    assert message == f"kvsops local does not have a service {service}{without}."
    assert caplog.text == ""


def test_what_is_not_known_is_not_absent(over_http: Emulator) -> None:
    """To HEAD, which has no words, 404 would say that there is no such bucket."""
    client: Any = over_http.client("s3", s3={"addressing_style": "path"})
    assert failure(client.head_bucket, Bucket="b")[1] == 501


@pytest.mark.parametrize(
    ("service", "operation", "code", "missing"),
    [
        ("sts", "assume_role", "ValidationError", "RoleArn, RoleSessionName"),
        ("cloudwatch", "put_dashboard", "ValidationError", "DashboardName, DashboardBody"),
    ],
)
def test_what_moto_fails_on(
    *,
    over_http: Emulator,
    caplog: pytest.LogCaptureFixture,
    service: str,
    operation: str,
    code: str,
    missing: str,
) -> None:
    """A parameter that is missing is the caller's mistake: no failure, and no traceback."""
    refused = failure(getattr(over_http.client(service), operation))
    assert refused == (code, 400, f"Required, and missing: {missing}.")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong"),
    [
        ("kinesisvideo", "list_signaling_channels", "Unrecognized", "InvalidSignatureException"),
        ("pricing", "describe_services", "Unrecognized", "InvalidSignatureException"),
        ("resourcegroupstaggingapi", "get_resources", "Unrecognized", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ],
)
def test_signatures(
    over_http: Emulator, service: str, operation: str, unknown: str, wrong: str
) -> None:
    """Every service checks key, secret and time, and answers in its own words."""

    def refused(key: str = ACCESS_KEY_ID, secret: str = SECRET_ACCESS_KEY) -> tuple[str, int, str]:
        session = boto3.Session(key, secret, region_name="us-east-1")
        make: Any = session.client
        client = make(service, endpoint_url=over_http.endpoint_url)
        try:
            return failure(getattr(client, operation))
        finally:
            client.close()

    assert refused(key="AKIAOTHER")[0].startswith(unknown)
    code, status, message = refused(secret="other")
    assert (code, status) == (wrong, 403)
    assert "does not match" in message
    for days in (-40, 40):
        over_http.settings.signing_clock = lambda: utc_now() + timedelta(days=days)  # noqa: B023
        code, status, message = refused()
        assert (code, status) == (wrong, 403)
        assert "expired" in message


def test_roles(over_http: Emulator) -> None:
    """Who has assumed a role signs with what STS gave out; who has yet to need not sign."""
    role = {"RoleArn": "arn:aws:iam::210987654321:role/ci", "RoleSessionName": "ci"}
    for_mfa = over_http.client("sts").get_session_token()["Credentials"]
    assert identity(over_http, for_mfa)["Account"] == "123456789012"
    made = over_http.client("sts").assume_role(**role)["Credentials"]
    assert identity(over_http, made)["Account"] == "210987654321"
    unsigned = over_http.client("sts", signature_version=UNSIGNED_CLIENT)
    by_token = unsigned.assume_role_with_web_identity(**role, WebIdentityToken="from CI")
    assert identity(over_http, by_token["Credentials"])["Account"] == "210987654321"
    assert failure(unsigned.get_caller_identity)[:2] == ("MissingAuthenticationToken", 403)


def identity(over_http: Emulator, made: dict[str, str]) -> dict[str, str]:
    """Answer who calls by these credentials."""
    session = boto3.Session(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    make: Any = session.client
    sts = make("sts", "us-east-1", endpoint_url=over_http.endpoint_url)
    try:
        answer: dict[str, str] = sts.get_caller_identity()
        return answer
    finally:
        sts.close()

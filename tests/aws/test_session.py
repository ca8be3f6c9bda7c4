"""Where a scope's profile, region and endpoint come from, and how wrong ones are refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from kvsops.aws.session import Account
from kvsops.errors import UsageError

EMULATOR = "http://127.0.0.1:4600"
TRY = "to try kvsops without AWS: kvsops local --fleet 20 -- kvsops list"
VPC = "https://vpce-1.kinesisvideo.us-east-1.vpce.amazonaws.com"


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a configuration with a profile in Ireland and one without a region."""
    path = tmp_path / "config"
    path.write_text("[profile ireland]\nregion = eu-west-1\n[profile bare]\noutput = json\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))


def refusal(
    profile: str | None = None,
    region: str | None = "us-east-1",
    endpoint_url: str | None = None,
    environ: dict[str, str] | None = None,
) -> str:
    """Return the one line with which these are refused."""
    with pytest.raises(UsageError) as caught:
        Account.open(profile, region, endpoint_url, environ or {})
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize(
    ("option", "first", "second", "region"),
    [
        ("us-east-1", "us-west-2", "eu-central-1", "us-east-1"),
        (None, "us-west-2", "eu-central-1", "us-west-2"),
        (None, None, "eu-central-1", "eu-central-1"),
        (None, "", "eu-central-1", "eu-central-1"),
        (None, None, None, "eu-west-1"),
        (None, "", "", "eu-west-1"),
    ],
)
def test_region(option: str | None, first: str | None, second: str | None, region: str) -> None:
    """The option comes first, then AWS_REGION, AWS_DEFAULT_REGION and the profile's."""
    variables = {"AWS_REGION": first, "AWS_DEFAULT_REGION": second}
    environ = {name: value for name, value in variables.items() if value is not None}
    account = Account.open("ireland", option, None, environ)
    assert account.region == region
    assert account.client("kinesisvideo", 1).meta.region_name == region


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize("profile", [None, "bare"])
def test_no_region(profile: str | None) -> None:
    """Without any region the message says what to give, and how to try it all without AWS."""
    said = f"no region: give --region or AWS_REGION; {TRY}"
    assert refusal(profile, None, environ={"AWS_REGION": ""}) == said


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("moon", "no such region: 'moon': write it like us-east-1"),
        (" us-east-1", "no such region: ' us-east-1': did you mean us-east-1?"),
        ("us_east_1", "no such region: 'us_east_1': did you mean us-east-1?"),
        ("us-east-1a", "no such region: 'us-east-1a': did you mean us-east-1?"),
        ("", "--region is empty: give its value, or leave it out"),
    ],
)
def test_no_such_region(region: str, said: str) -> None:
    """What no region could be called is refused before any call, on the emulator too."""
    environ = {"AWS_REGION": "us-east-1"}
    assert refusal(region=region, environ=environ) == said
    assert refusal(region=region, environ=environ, endpoint_url=EMULATOR) == said


@pytest.mark.parametrize("endpoint_url", [None, EMULATOR])
@pytest.mark.parametrize(
    ("region", "meant"), [("us-esat-1", "us-east-1"), ("eu-wset-2", "eu-west-2")]
)
def test_misspelt_region(region: str, meant: str, endpoint_url: str | None) -> None:
    """A region that is none is refused with the one that was most likely meant."""
    assert refusal(region=region, endpoint_url=endpoint_url) == (
        f"Kinesis Video Streams is not known in region '{region}': did you mean {meant}?"
    )


@pytest.mark.parametrize("endpoint_url", [None, EMULATOR])
@pytest.mark.parametrize("region", ["mx-central-1", "ap-southeast-3"])
def test_region_without_the_service(region: str, endpoint_url: str | None) -> None:
    """A region of AWS's that the service is not in is refused with those it is in."""
    said = refusal(region=region, endpoint_url=endpoint_url)
    begin = f"Kinesis Video Streams is not known in region '{region}': known are "
    assert said.startswith(begin)
    assert "us-east-1" in said.removeprefix(begin).split(", ")


@pytest.mark.usefixtures("profiles")
def test_profiles_region_is_checked_too(tmp_path: Path) -> None:
    """A region is checked wherever it comes from."""
    (tmp_path / "config").write_text("[profile ireland]\nregion = eu-west-l\n")
    assert refusal("ireland", None).startswith("no such region: 'eu-west-l'")


@pytest.mark.usefixtures("profiles")
@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("italy", "no such profile: italy: see the profiles in ~/.aws/config"),
        ("irland", "no such profile: irland: did you mean ireland?"),
        ("", "--profile is empty: give its value, or leave it out"),
    ],
)
def test_unknown_profile(profile: str, said: str) -> None:
    """A profile that is not there is named; an empty one does not mean the default."""
    assert refusal(profile).startswith(said)


def test_garbled_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration file that cannot be read is named, in one line."""
    path = tmp_path / "garbled"
    path.write_text("region us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    assert refusal() == f"Unable to parse config file: {path}"


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:4600",
        "localhost:4600",
        "localhost",
        "ftp://127.0.0.1",
        "http://",
        "http://:4600",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
        "http://[::1",
        "://",
    ],
)
def test_bad_endpoint(url: str) -> None:
    """What is no URL of a server is refused, from the option and from the environment."""
    said = f"not an endpoint: {url!r}: write it like http://127.0.0.1:4600"
    assert refusal(endpoint_url=url) == said
    assert refusal(environ={"AWS_ENDPOINT_URL_KINESIS_VIDEO": url}) == said
    assert refusal(environ={"AWS_ENDPOINT_URL": url}) == said


def test_empty_endpoint() -> None:
    """An empty endpoint was meant to be an emulator's: it is never AWS's own instead."""
    said = "--endpoint-url is empty: give its value, or leave it out"
    assert refusal(endpoint_url="") == said


@pytest.mark.parametrize(
    ("option", "own", "general", "endpoint_url"),
    [
        ("http://one:1", "http://two:2", "http://three:3", "http://one:1"),
        (None, "http://two:2", "http://three:3", "http://two:2"),
        (None, None, "http://three:3", "http://three:3"),
        (None, "", "", None),
    ],
)
def test_endpoint(
    option: str | None, own: str | None, general: str | None, endpoint_url: str | None
) -> None:
    """The option comes first, then the service's own variable, then the general one."""
    variables = {"AWS_ENDPOINT_URL_KINESIS_VIDEO": own, "AWS_ENDPOINT_URL": general}
    environ = {name: value for name, value in variables.items() if value is not None}
    assert Account.open(None, "us-east-1", option, environ).endpoint_url == endpoint_url


@pytest.mark.parametrize(
    ("lines", "environ", "endpoint_url"),
    [
        ("services = own\nendpoint_url = http://three:3", {}, "http://two:2"),
        ("endpoint_url = http://three:3", {}, "http://three:3"),
        ("services = own", {"AWS_ENDPOINT_URL": "http://one:1"}, "http://one:1"),
        ("services = none", {}, None),
        ("services = own\nignore_configured_endpoint_urls = true", {}, None),
    ],
)
def test_endpoint_of_a_profile(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lines: str,
    environ: dict[str, str],
    endpoint_url: str | None,
) -> None:
    """The endpoint that a profile names holds for every service, as any other does."""
    own = "[services own]\nkinesis_video =\n  endpoint_url = http://two:2\n"
    (tmp_path / "config").write_text(f"[profile lab]\n{lines}\n{own}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert Account.open("lab", "us-east-1", None, environ).endpoint_url == endpoint_url


def endpoints(url: str | None, region: str = "us-east-1") -> list[str]:
    """Return where Kinesis Video, tagging and STS are called, without calling them."""
    account = Account.open(None, region, url, {})
    services = ["kinesisvideo", "resourcegroupstaggingapi", "sts"]
    return [account.client(service, 1).meta.endpoint_url for service in services]


def test_endpoint_holds_for_every_service() -> None:
    """An emulated channel is never judged by another account's tags."""
    assert endpoints(EMULATOR) == [EMULATOR] * 3
    assert endpoints("https://amazonaws.com.example") == ["https://amazonaws.com.example"] * 3


@pytest.mark.parametrize(
    "url", [VPC, "https://kinesisvideo.cn-north-1.amazonaws.com.cn", "https://k.us-east-1.api.aws"]
)
def test_endpoint_of_aws_is_its_services_alone(url: str) -> None:
    """An endpoint in AWS's own domains holds for Kinesis Video alone."""
    assert endpoints(url) == [
        url,
        "https://tagging.us-east-1.amazonaws.com",
        "https://sts.us-east-1.amazonaws.com",
    ]


def test_regions_of_an_endpoint_of_aws() -> None:
    """An endpoint of AWS's own may be in a region that botocore is too old to know."""
    endpoint = "https://kinesisvideo.us-east-9.amazonaws.com"
    assert Account.open(None, "us-east-9", endpoint, {}).region == "us-east-9"


def test_client_never_retries_by_itself() -> None:
    """Retries would escape the pace and the count: botocore makes one attempt, and says who."""
    config = Account.open(None, "us-east-1", EMULATOR, {}).client("kinesisvideo", 7).meta.config
    settings = vars(config)
    assert settings["retries"] == {"mode": "standard", "total_max_attempts": 1}
    assert settings["max_pool_connections"] == 7
    assert settings["user_agent_extra"].startswith("kvsops/")


def test_roles_are_assumed_in_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is configured: the global endpoint's tokens are unknown in regions to be enabled."""
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy")
    client = Account.open(None, "us-east-1", None, {}).client("sts", 1)
    assert client.meta.endpoint_url == "https://sts.us-east-1.amazonaws.com"


def test_half_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """An access key without its secret is refused when the client is made."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAHALF")
    with pytest.raises(UsageError) as caught:
        Account.open(None, "us-east-1", EMULATOR, {}).client("kinesisvideo", 1)
    assert str(caught.value) == ("Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY")


LISTING = """
import sys
from kvsops.cli.main import cli
assert cli.main(["list"]) == 0
print(*sys.modules, file=sys.stderr)
"""


def test_list_imports_what_it_needs(environment: dict[str, str]) -> None:
    """boto3, its file transfers and pyOpenSSL take longer to load than the listing itself."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING], env=environment, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "botocore.httpsession" in loaded
    assert loaded.isdisjoint({"boto3", "s3transfer", "OpenSSL", "urllib3.contrib.pyopenssl"})


OPENING = """
import ssl, sys
{first}
from kvsops.aws.session import Account
Account.open(None, "us-east-1", None, {{}})
import botocore.httpsession, urllib3.contrib.pyopenssl
assert urllib3.contrib.pyopenssl.PyOpenSSLContext
assert botocore.httpsession.SSLContext is ssl.SSLContext
"""


@pytest.mark.parametrize("first", ["", "import urllib3.contrib.pyopenssl"])
def test_pyopenssl_may_be_loaded_before_and_after(first: str) -> None:
    """Botocore's contexts are the standard library's, and others still get urllib3's adapter."""
    subprocess.run([sys.executable, "-c", OPENING.format(first=first)], check=True)

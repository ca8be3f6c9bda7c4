"""The endpoint that is asked instead of AWS's own: an emulator's, or one in a VPC."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kvsops.errors import UsageError
from kvsops.output.text import without_userinfo

if TYPE_CHECKING:
    from botocore.session import Session

ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL_KINESIS_VIDEO"
# An endpoint under these is AWS's own (a VPC endpoint, say) and is Kinesis Video's alone.
_AWS_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev")


def is_emulated(endpoint_url: str | None) -> bool:
    """Whether the endpoint is one that is not AWS's."""
    host = urlsplit(endpoint_url or "").hostname
    return host is not None and not host.endswith(_AWS_DOMAINS)


def endpoint_of(given: str | None, session: "Session", environ: Mapping[str, str]) -> str | None:
    """Return the endpoint given, or that of the environment or the profile, as botocore finds it.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    if given or session.get_config_variable("ignore_configured_endpoint_urls"):
        return _checked_endpoint(given)
    profile = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(profile.get("services")) or {}
    of_service = services.get("kinesis_video") or {}
    found = (
        environ.get(ENDPOINT_VARIABLE),
        environ.get("AWS_ENDPOINT_URL"),
        of_service.get("endpoint_url"),
        profile.get("endpoint_url"),
    )
    return _checked_endpoint(next(filter(None, found), None))


def _checked_endpoint(url: str | None) -> str | None:
    """Return the endpoint without a user and password, which no request carries and no log may."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        valid = False
    if not valid:
        msg = f"not an endpoint: {url.rpartition('@')[2]!r}: write it like http://127.0.0.1:4600"
        raise UsageError(msg)
    return without_userinfo(url)

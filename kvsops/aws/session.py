"""Whose account, which region, which endpoint: what a scope is opened with."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors

import kvsops
from kvsops.aws import answers, queries
from kvsops.aws.endpoint import endpoint_of, is_emulated
from kvsops.aws.failures import TRY_LOCALLY
from kvsops.aws.quotas import CLOUDWATCH, KINESIS_VIDEO, PRICING, SIGNALING
from kvsops.aws.shapes import moment
from kvsops.core.likeness import suggestion
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials
    from botocore.session import Session

    from kvsops.aws.roles import AssumedRole

PRICE_LIST_REGION: Final = "us-east-1"
"""Where prices are asked for: the Price List API is in a few regions only, and tells of all."""
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Account:
    """Whose calls: a profile's session or a role, a region, and the endpoint if it is ours.

    `endpoint_url` holds for every service, so that an emulated channel is never judged by another
    account's tags or metrics; an endpoint in AWS's own domains holds for Kinesis Video alone.
    """

    session: "Session"
    region: str
    endpoint_url: str | None
    authorities: str | None = None
    """The file of certificate authorities that a channel's own endpoints are trusted by."""
    role: "AssumedRole | None" = None
    """Whose credentials sign, if not the session's own."""

    @classmethod
    def open(
        cls,
        profile: str | None,
        region: str | None,
        endpoint_url: str | None,
        environ: Mapping[str, str],
        *,
        otherwise: str | None = None,
        service: str = KINESIS_VIDEO,
    ) -> "Account":
        """Find profile, region and endpoint; raises `UsageError` where one is missing or wrong.

        What is given but empty is refused: it was meant to be somewhere else than the default.
        `otherwise` is the region where none is configured.
        """
        given = {"--profile": profile, "--region": region, "--endpoint-url": endpoint_url}
        for option, value in given.items():
            if value == "":
                raise UsageError(f"{option} is empty: give its value, or leave it out")
        chosen = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
        with _configuration_errors():
            session = _session(profile)
            session.get_scoped_config()  # raises where there is no such profile
            if chosen:
                session.set_config_variable("region", chosen)
            endpoint = endpoint_of(endpoint_url, session, environ)
        # OpenSSL's variable, which the WebSocket and TURN obey by themselves: botocore does not.
        authorities = environ.get("AWS_CA_BUNDLE") or environ.get("SSL_CERT_FILE") or None
        found = session.get_config_variable("region") or otherwise
        known = _checked_region(session, found, endpoint, service)
        return cls(session, known, endpoint, authorities)

    def at(self, region: str) -> "Account":
        """Return the same in another region, which shares its session.

        Raises `UsageError` for a region that is none, or is in another partition: the credentials
        of one are of no use there.
        """
        known = _checked_region(self.session, region, self.endpoint_url)
        if (found := self.session.get_partition_for_region(known)) != self.partition:
            raise UsageError(
                f"{region} is in the partition {found}, these credentials in {self.partition}"
            )
        return replace(self, region=known)

    def by(self, role: "AssumedRole | None") -> "Account":
        """Return the role's account in this region; that of the own credentials with None."""
        return replace(self, role=role)

    @property
    def partition(self) -> str:
        """The partition, as ARNs have it: aws, or aws-cn."""
        return str(self.session.get_partition_for_region(self.region))

    def regions(self) -> list[str]:
        """Return the regions of the partition that Kinesis Video is known in, in order."""
        return sorted(_regions_of(self.session, self.partition))

    def client(
        self, service: str, connections: int, endpoint_url: str | None = None
    ) -> "BaseClient":
        """Make a client that never retries by itself: whoever calls it paces, counts, retries.

        `endpoint_url` is the one of a channel, where only that will do.
        """
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=connections,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            user_agent_extra=f"kvsops/{kvsops.__version__}",
            # 500 queries of ours in a request: looking through them took longer than all else.
            parameter_validation=service != CLOUDWATCH,
        )
        make: Any = self.session.create_client
        try:
            client: BaseClient = make(
                service,
                region_name=PRICE_LIST_REGION if service == PRICING else self.region,
                endpoint_url=endpoint_url or self._endpoint_of(service),
                verify=self.authorities if service == SIGNALING else None,
                config=config,
            )
        except (botocore_errors.BotoCoreError, ValueError) as error:
            raise UsageError(" ".join(str(error).split())) from error
        return client

    def credentials(self) -> "ReadOnlyCredentials":
        """Return the credentials as they are now; raises what botocore does, or `EOFError`.

        The latter where a code must be typed in: botocore's prompt would read standard input.
        A role's raise `KvsopsError` where they cannot be renewed.
        """
        if self.role is not None:
            return self.role.credentials()
        found = self.session.get_credentials()
        if found is None:
            raise botocore_errors.NoCredentialsError
        asks = found.method == "assume-role" and self.session.get_scoped_config().get("mfa_serial")
        if asks and getattr(found, "refresh_needed", bool)() and not _at_a_terminal():
            raise EOFError
        return found.get_frozen_credentials()

    @property
    def proxied(self) -> bool:
        """Whether a proxy of the environment is asked for an endpoint on this machine."""
        from urllib.request import getproxies, proxy_bypass

        parts = urlsplit(self.endpoint_url or "")
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        return here and parts.scheme in getproxies() and not proxy_bypass(parts.netloc)

    def _endpoint_of(self, service: str) -> str | None:
        own = service == KINESIS_VIDEO or is_emulated(self.endpoint_url)
        return self.endpoint_url if own else None


def endpoint(profile: str | None, given: str | None, environ: Mapping[str, str]) -> str | None:
    """Find the endpoint as `Account.open` does, where no region need be known."""
    with _configuration_errors():
        return endpoint_of(given, _session(profile), environ)


def partitions_of(regions: Iterable[str]) -> dict[str, str]:
    """Return each region's partition; raises `UsageError` where Kinesis Video is not known."""
    from botocore.session import Session

    with _configuration_errors():
        session = Session()  # one for all: each would read botocore's endpoints, a megabyte
        known = [_checked_region(session, region, None) for region in regions]
        return {region: str(session.get_partition_for_region(region)) for region in known}


def partition_of(region: str) -> str:
    """Return what the region's ARNs have for a partition, as `aws-cn`; raises `UsageError`."""
    from botocore.session import Session

    with _configuration_errors():
        try:
            return str(Session().get_partition_for_region(region))
        except botocore_errors.UnknownRegionError as error:
            raise UsageError(f"not a region: {region!r}: write it like eu-west-1") from error


def _at_a_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True


@contextmanager
def _configuration_errors() -> Iterator[None]:
    """Tell what is wrong with AWS's configuration, as `UsageError`."""
    try:
        yield
    except botocore_errors.ProfileNotFound as error:
        raise UsageError(_no_profile(error)) from error
    except botocore_errors.BotoCoreError as error:
        raise UsageError(" ".join(str(error).split())) from error


def _no_profile(error: botocore_errors.ProfileNotFound) -> str:
    """Say that there is no such profile, and which may be meant."""
    from botocore.session import Session

    name = str(error.kwargs.get("profile"))
    near = suggestion(name, Session().available_profiles, "see the profiles in ~/.aws/config")
    return f"no such profile: {name}: {near}"


def _session(profile: str | None) -> "Session":
    """Make a session that writes queries and reads times faster than botocore does by itself.

    Metrics are mostly times, and botocore takes each through the local time zone's rules.
    """
    with _without_pyopenssl():
        from botocore.session import Session

    session = Session(profile=profile)
    # Tokens of the global endpoint hold in no region that must be enabled: it would look disabled.
    # Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    session.set_config_variable("sts_regional_endpoints", "regional")
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=moment)
    session.register("before-parse", answers.check)  # type: ignore[arg-type]  # by keywords
    queries.put_in_as_they_are(session)
    return session


@contextmanager
def _without_pyopenssl() -> Iterator[None]:
    """Spare botocore's import the loading of pyOpenSSL, where that is installed.

    botocore asks urllib3's adapter for the class that the adapter replaced, and takes the standard
    library's, which is the same, where there is no adapter.
    """
    adapter = "urllib3.contrib.pyopenssl"
    if adapter in sys.modules:
        yield
        return
    sys.modules[adapter] = None  # type: ignore[assignment]  # documented: it is not to be had
    try:
        yield
    finally:
        del sys.modules[adapter]


def _checked_region(
    session: "Session", region: str | None, endpoint: str | None, service: str = KINESIS_VIDEO
) -> str:
    """Return the region; an endpoint of AWS's own may be in one that botocore does not know yet."""
    if not region:
        raise UsageError(f"no region: give --region or AWS_REGION; {TRY_LOCALLY}")
    try:
        partition = session.get_partition_for_region(region)
    except (botocore_errors.BotoCoreError, ValueError) as error:
        near = suggestion(region, _regions(session), "write it like us-east-1")
        raise UsageError(f"no such region: {region!r}: {near}") from error
    if endpoint and not is_emulated(endpoint):
        return region
    known = _regions_of(session, partition, service)
    if region not in known:
        regions = ", ".join(sorted(known)) or "none in its partition"
        real = region in session.get_available_regions("sts", partition_name=partition)
        near = suggestion(region, () if real else known, f"known are {regions}")
        name = "Kinesis Video Streams" if service == KINESIS_VIDEO else service
        raise UsageError(f"{name} is not known in region {region!r}: {near}")
    return region


def _regions(session: "Session") -> list[str]:
    """Return the regions of all partitions that Kinesis Video is known in."""
    partitions = session.get_available_partitions()
    return [region for name in partitions for region in _regions_of(session, name)]


def _regions_of(session: "Session", partition: str, service: str = KINESIS_VIDEO) -> list[str]:
    return list(session.get_available_regions(service, partition_name=partition))

"""The environment in which AWS's clients talk to the emulator and to nothing else."""

import os
import shlex
import sysconfig
from collections.abc import Mapping
from urllib.parse import urlsplit

ACCESS_KEY_ID = "AKIAKVSOPSLOCALTEST0"
SECRET_ACCESS_KEY = "kvsops-local-throw-away"  # noqa: S105 - good for nothing else

STRAY_VARIABLES = (
    "AWS_CA_BUNDLE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Variables in a shell that would lead a client away from the emulator."""


CA_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "AWS_KVS_CACERT_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NIX_SSL_CERT_FILE",
)
"""Where OpenSSL, Go and Python, curl, requests, AWS's clients, its C SDK, Node, and what Nix built
read their authorities."""
CA_DIRECTORIES = ("SSL_CERT_DIR",)
"""Where OpenSSL, Go and curl read more of them: some look there alone."""


def variables(endpoint_url: str, region: str, ca_bundle: str | None = None) -> dict[str, str]:
    """Return what to set: endpoint, throw-away credentials, region, no configuration files.

    `ca_bundle` is the file of trusted authorities, including the emulator's.
    """
    trusted = dict.fromkeys(CA_VARIABLES, ca_bundle) if ca_bundle else {}
    return trusted | {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ENDPOINT_URL_KINESIS_VIDEO": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def child_environment(
    endpoint_url: str,
    region: str,
    inherited: Mapping[str, str],
    ca_bundle: str | None = None,
    *,
    aws_names: bool = False,
) -> dict[str, str]:
    """Return the whole environment of a child process: what it inherits, minus AWS's variables.

    Where the emulator answers to `aws_names`, they are not looked for behind a proxy either.
    """
    gone = CA_DIRECTORIES if ca_bundle else ()
    kept = {
        name: value
        for name, value in inherited.items()
        if name not in gone and not name.startswith("AWS_")
    }
    past_proxies = _past_proxies(inherited, endpoint_url, aws_names=aws_names)
    path = os.pathsep.join(filter(None, [scripts_directory(), inherited.get("PATH")]))
    return kept | variables(endpoint_url, region, ca_bundle) | past_proxies | {"PATH": path}


def export_lines(
    endpoint_url: str,
    region: str,
    inherited: Mapping[str, str],
    ca_bundle: str | None = None,
    *,
    aws_names: bool = False,
) -> list[str]:
    """Return the lines that give a shell the same environment."""
    values = exported(endpoint_url, region, inherited, ca_bundle, aws_names=aws_names)
    return [
        f"unset {' '.join(stray(ca_bundle))}",
        *(f"export {name}={shlex.quote(value)}" for name, value in values.items()),
        f'export PATH={shlex.quote(scripts_directory())}:"$PATH"',
    ]


def exported(
    endpoint_url: str,
    region: str,
    inherited: Mapping[str, str],
    ca_bundle: str | None = None,
    *,
    aws_names: bool = False,
) -> dict[str, str]:
    """Return what a shell must export, the PATH apart."""
    past_proxies = _past_proxies(inherited, endpoint_url, aws_names=aws_names)
    return variables(endpoint_url, region, ca_bundle) | past_proxies


def stray(ca_bundle: str | None) -> tuple[str, ...]:
    """Return what a shell must unset."""
    return (*STRAY_VARIABLES, *(CA_DIRECTORIES if ca_bundle else ()))


def scripts_directory() -> str:
    """Return where kvsops itself is: it shall be found by its name."""
    return sysconfig.get_path("scripts")


def _past_proxies(
    inherited: Mapping[str, str], endpoint_url: str, *, aws_names: bool
) -> dict[str, str]:
    """NO_PROXY in both spellings: clients differ in which one they read first."""
    inherited_hosts = inherited.get("no_proxy") or inherited.get("NO_PROXY") or ""
    names = (".amazonaws.com", ".amazonaws.com.cn") if aws_names else ()
    ours = dict.fromkeys(("127.0.0.1", urlsplit(endpoint_url).hostname or "", *names))
    hosts = [host for host in inherited_hosts.split(",") if host and host not in ours]
    joined = ",".join([*hosts, *ours])
    return {"NO_PROXY": joined, "no_proxy": joined}

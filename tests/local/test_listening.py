"""Where the emulator listens: its address, its ports, and its certificate authority on disk."""

from __future__ import annotations

import http.client
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme

from kvsops.errors import UsageError
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.server import LocalServer
from kvsops.local.settings import PORTS, Settings
from kvsops.local.signaling.kept_authority import kept_authority

if TYPE_CHECKING:
    from pathlib import Path

ELSEWHERE = "127.0.0.2"  # an address of this machine that nothing else listens at


def own_address() -> str:
    """Find the address that this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback ones")
        return str(probe.getsockname()[0])


def free_base(host: str) -> int:
    """Find a port after which as many are free as the emulator has."""
    for base in range(41_000, 60_000, len(PORTS)):
        try:
            for port in range(base, base + len(PORTS)):
                socket.create_server((host, port)).close()
        except OSError:
            continue
        return base
    raise AssertionError("no ports are free")


def turn_uris(local: LocalServer) -> list[str]:
    """Ask for a channel's TURN server, in the emulator's region."""
    arn = local.backend().create_signaling_channel("front-door", 60, {}).arn
    assert local.settings.endpoint_of is not None
    make: Any = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=local.region).client
    client = make(
        "kinesis-video-signaling",
        endpoint_url=local.settings.endpoint_of("HTTPS", "VIEWER"),
        verify=local.ca_bundle,
    )
    uris: list[str] = client.get_ice_server_config(ChannelARN=arn)["IceServerList"][0]["Uris"]
    client.close()
    return uris


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "eu-west-1"])
def test_regions_of_other_partitions(region: str) -> None:
    """The data plane takes their ARNs, though botocore's model of it has those of `aws` alone."""
    with LocalServer(Settings(state_delay=timedelta()), region=region) as local:
        assert len(turn_uris(local)) == 3


@pytest.mark.parametrize("of_an_interface", [False, True])
def test_another_address(*, of_an_interface: bool) -> None:
    """All that is told is there and works there, and nothing listens at 127.0.0.1."""
    host = own_address() if of_an_interface else ELSEWHERE
    with LocalServer(Settings(host=host, state_delay=timedelta())) as local:
        assert local.endpoint_url == f"http://{host}:{local.port}"
        assert local.environment()["NO_PROXY"] == f"127.0.0.1,{host}"
        uris = turn_uris(local)
        assert {uri.split(":")[1] for uri in uris} == {host}
        endpoint_of = local.settings.endpoint_of
        assert endpoint_of is not None
        told = [str(endpoint_of("WSS", role)) for role in ("MASTER", "VIEWER")]
        assert {url.rpartition(":")[0] for url in told} == {f"wss://{host}"}
        tls = int(uris[2].split(":")[2].partition("?")[0])
        for port in (local.port, tls, *(int(url.rpartition(":")[2]) for url in told)):
            socket.create_connection((host, port)).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))


def test_its_own_address_is_an_allowed_host() -> None:
    """It is answered there by its address, as are pages that it serves; another name is refused."""
    host = own_address()
    with LocalServer(Settings(host=host, state_delay=timedelta())) as local:
        connection = http.client.HTTPConnection(host, local.port)
        for named, origin, status in (
            (f"{host}:{local.port}", f"http://{host}:8080", 204),
            (f"{host}:{local.port}", "http://198.51.100.7", 403),
            ("198.51.100.7", f"http://{host}:8080", 403),
            ("kinesisvideo.us-east-1.amazonaws.com", f"http://{host}", 403),
        ):
            connection.request("OPTIONS", "/", headers={"Host": named, "Origin": origin})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status, (named, origin)
        connection.close()


def test_names_of_aws_are_allowed_hosts() -> None:
    """They are where it has them, of any region; others of AWS's are not."""
    settings = Settings()
    with LocalServer(settings) as local:
        settings.aws_names = True
        connection = http.client.HTTPConnection("127.0.0.1", local.port)
        for host, status in (
            ("kinesisvideo.ap-south-1.amazonaws.com", 204),
            ("STS.amazonaws.com:443", 204),
            ("s3.us-east-1.amazonaws.com", 403),
        ):
            connection.request("OPTIONS", "/", headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status, host
        connection.close()
        settings.aws_names = False


def test_ports_of_a_base() -> None:
    """Each has its place after the base, from the start on, and is told as that."""
    base = free_base(ELSEWHERE)
    with LocalServer(Settings(host=ELSEWHERE, base_port=base, state_delay=timedelta())) as local:
        for port in range(base, base + 6):
            socket.create_connection((ELSEWHERE, port)).close()
        assert local.port == base
        endpoint_of = local.settings.endpoint_of
        assert endpoint_of is not None
        assert endpoint_of("WSS", "MASTER") == f"wss://{ELSEWHERE}:{base + 1}"
        assert endpoint_of("WSS", "VIEWER") == f"wss://{ELSEWHERE}:{base + 2}"
        assert endpoint_of("HTTPS", "VIEWER") == f"https://{ELSEWHERE}:{base + 3}"
        assert turn_uris(local) == [
            f"turn:{ELSEWHERE}:{base + 4}?transport=udp",
            f"turns:{ELSEWHERE}:{base + 5}?transport=udp",
            f"turns:{ELSEWHERE}:{base + 5}?transport=tcp",
        ]
    with LocalServer(Settings(host=ELSEWHERE, base_port=base)) as local:
        assert local.port == base


@pytest.mark.parametrize("taken", range(6))
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_of_a_base_is_taken(taken: int, kind: socket.SocketKind) -> None:
    """It is named, and none of the others is held; UDP has one."""
    base = free_base(ELSEWHERE)
    settings = Settings(host=ELSEWHERE, base_port=base)
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((ELSEWHERE, base + taken))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        elif taken != PORTS.index("TURN"):
            with LocalServer(settings):
                return
        with pytest.raises(OSError, match="in use") as caught:
            LocalServer(settings).start()
        assert caught.value.filename == f"{ELSEWHERE}:{base + taken}"
    with LocalServer(settings) as local:
        assert local.port == base


def test_a_kept_authority(tmp_path: Path) -> None:
    """Who trusts it once trusts it at the next start; its key is its owner's alone."""
    directory = tmp_path / "a" / "ca"
    settings = Settings(ca_dir=directory, base_port=free_base(ELSEWHERE), host=ELSEWHERE)
    seen = []
    for _ in range(2):
        with LocalServer(settings) as local:
            context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
            seen.append((directory / "ca.pem").read_text())
            with (
                socket.create_connection((ELSEWHERE, local.port + 3)) as connection,
                context.wrap_socket(connection, server_hostname=ELSEWHERE) as secure,
            ):
                subject: Any = secure.getpeercert()
                assert subject["subject"][0] == (("organizationName", "kvsops local"),)
            assert local.authority_expiry is not None
            assert local.authority_expiry.year == 3000
    assert seen[0] == seen[1]
    assert (directory / "ca.key").stat().st_mode & 0o777 == 0o600
    assert directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in directory.iterdir()) == ["ca.key", "ca.pem"]


def test_a_kept_authority_that_cannot_be_used(tmp_path: Path) -> None:
    """Each kind of trouble is one line, and the files are left as they were."""
    kept_authority(tmp_path)
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    kept_authority(tmp_path / "other")
    renew = f"remove {certificate} and ca.key to have new ones"
    wrong = f"--ca-dir: {tmp_path} does not hold a certificate authority with its key; {renew}"

    def complaint(directory: Path = tmp_path) -> str:
        with pytest.raises(UsageError) as caught:
            LocalServer(Settings(ca_dir=directory)).start()
        return str(caught.value)

    key.chmod(0o640)
    assert complaint() == f"--ca-dir: others may read {key}: chmod 600 it"
    key.chmod(0o600)
    text = certificate.read_text()
    for broken in ("", "no certificate\n", (tmp_path / "other" / "ca.pem").read_text()):
        certificate.write_text(broken)
        assert complaint() == wrong
    certificate.unlink()
    assert complaint() == f"--ca-dir: {certificate}: No such file or directory"
    certificate.write_text(text)
    key.unlink()
    assert complaint() == f"--ca-dir: {key}: No such file or directory"
    assert complaint(certificate) == f"--ca-dir: {certificate}: File exists"


def test_an_authority_that_many_want(tmp_path: Path) -> None:
    """Whoever comes first makes it, and all have the same."""
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda _: kept_authority(tmp_path).cert_pem.bytes(), range(8))]
    assert set(made) == {(tmp_path / "ca.pem").read_bytes()}


def test_an_authority_that_expired(tmp_path: Path) -> None:
    """It is told, with what to remove."""
    kept_authority(tmp_path)
    with pytest.raises(UsageError, match=r"ca\.pem expired on 3000-01-01; remove .*ca\.pem and"):
        kept_authority(tmp_path, lambda: datetime(3000, 1, 1, tzinfo=UTC))


def test_a_certificate_that_is_no_authority(tmp_path: Path) -> None:
    """It could vouch for nothing."""
    issued = trustme.CA().issue_cert("localhost")
    (tmp_path / "ca.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    (tmp_path / "ca.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "ca.key").chmod(0o600)
    with pytest.raises(UsageError, match="does not hold a certificate authority"):
        kept_authority(tmp_path)

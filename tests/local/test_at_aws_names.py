"""Other people's clients at AWS's own names: none of them is told an endpoint, a port or an option.

Each runs in a network of its own, whose /etc/hosts holds what `kvsops local --aws-names` printed.
"""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.namespace import at_aws_names

if TYPE_CHECKING:
    from pathlib import Path

REGION = ("--region", "eu-west-1")
KVS = "kinesisvideo.eu-west-1.amazonaws.com"
TURN = f"127-0-0-1.t-10ca1000.{KVS}"
NAMES = [
    KVS,
    f"m-10ca1000.{KVS}",
    f"v-10ca1000.{KVS}",
    f"r-10ca1000.{KVS}",
    TURN,
    "sts.amazonaws.com",
]


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip where a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


AWS = f"""
aws kinesisvideo create-signaling-channel --channel-name cam-1 > $HOSTS.created
aws kinesisvideo create-signaling-channel --channel-name cam-2 --tags Key=k,Value=v > $HOSTS.created
aws kinesisvideo list-signaling-channels --page-size 1 --query 'ChannelInfoList[].ChannelName'
arn=$(aws kinesisvideo describe-signaling-channel --channel-name cam-2 \
  --query ChannelInfo.ChannelARN --output text)
aws kinesisvideo get-signaling-channel-endpoint --channel-arn "$arn" \
  --single-master-channel-endpoint-configuration Protocols=WSS,HTTPS,Role=VIEWER \
  --query 'ResourceEndpointList[].ResourceEndpoint'
aws kinesis-video-signaling get-ice-server-config --channel-arn "$arn" \
  --endpoint-url https://r-10ca1000.{KVS} --query 'IceServerList[0].Uris'
aws resourcegroupstaggingapi get-resources --query 'length(ResourceTagMappingList)'
aws cloudwatch list-metrics --namespace AWS/KinesisVideo --query 'Metrics[0].MetricName'
aws sts get-caller-identity --query Account
aws pricing describe-services --service-code AmazonKinesisVideo --region us-east-1 \
  --query 'Services[0].ServiceCode'
aws kinesisvideo describe-signaling-channel --channel-name nobody && exit 1
exit 0
"""


def test_aws_command_line(tmp_path: Path) -> None:
    """Without an endpoint, `aws` reaches the API, tags, metrics, STS, prices and the data plane."""
    done, _ = at_aws_names(tmp_path, AWS, *REGION, AWS_PAGER="")
    assert "(ResourceNotFoundException) when calling the DescribeSignalingChannel" in done.stderr
    assert _values(done.stdout) == [
        ["cam-1", "cam-2"],
        [f"wss://v-10ca1000.{KVS}", f"https://r-10ca1000.{KVS}"],
        [
            f"turn:{TURN}:443?transport=udp",
            f"turns:{TURN}:443?transport=udp",
            f"turns:{TURN}:443?transport=tcp",
        ],
        1,
        "Failure",
        "123456789012",
        "AmazonKinesisVideo",
    ]


def _values(text: str) -> list[object]:
    """Read JSON values that stand one after the other."""
    values: list[object] = []
    while text := text.strip():
        value, length = json.JSONDecoder().raw_decode(text)
        values.append(value)
        text = text[length:]
    return values


@needs("curl", "openssl")
def test_tls(tmp_path: Path) -> None:
    """Each name has its certificate: for curl, and as OpenSSL checks names; without SNI, too.

    The second cipher is all that small devices' clients may know. What the shell had for
    authorities, and its proxy, lead nobody astray.
    """
    client = [f"curl -sS -w '%{{http_code}}\\n' https://{name}/" for name in NAMES]
    check = "-verify_return_error -CAfile $SSL_CERT_FILE < /dev/null 2>&1 | grep ^Verif"
    for how in ("-tls1_3", "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256"):
        client += [
            f"openssl s_client -connect {name}:443 -verify_hostname {name} {how} {check}"
            for name in NAMES
        ]
        client += [
            f"openssl s_client -connect 127.0.0.1:443 -noservername -verify_ip 127.0.0.1 {how} "
            + check
        ]
    astray = {"CURL_CA_BUNDLE": "/nowhere", "SSL_CERT_DIR": str(tmp_path)}
    astray |= {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    (tmp_path / "broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    done, _ = at_aws_names(tmp_path, "\n".join(client), *REGION, **astray)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    unsigned, query = "The request is not signed.", "The query needs X-Amz-Algorithm"
    unknown = "kvsops local does not have the operation GET /"
    said = [unsigned, query, query, unknown, unsigned, unsigned]
    assert [text in line for text, line in zip(said, lines, strict=False)] == [True] * 6
    assert [line[-3:] for line in lines[:6]] == ["403", "403", "403", "404", "403", "403"]
    assert lines.count("Verification: OK") == 14
    verified = [line for line in lines if line.startswith("Verified peername: ")]
    assert verified == [f"Verified peername: {name}" for name in NAMES] * 2


RELAYING = """
import asyncio, socket, sys
import aioice.turn, boto3
region, arn = sys.argv[1:]
kvs = boto3.client("kinesisvideo")
ends = kvs.get_signaling_channel_endpoint(
    ChannelARN=arn,
    SingleMasterChannelEndpointConfiguration={"Protocols": ["HTTPS"], "Role": "VIEWER"},
)["ResourceEndpointList"]
signaling = boto3.client("kinesis-video-signaling", endpoint_url=ends[0]["ResourceEndpoint"])
server = signaling.get_ice_server_config(ChannelARN=arn)["IceServerList"][0]
host = server["Uris"][0].split(":")[1]


class Got(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        if not self.got.done():
            self.got.set_result(data)


async def relayed(transport, **how):
    made = [
        await aioice.turn.create_turn_endpoint(
            Got,
            server_addr=(host, 443),
            username=server["Username"],
            password=server["Password"],
            transport=transport,
            **how,
        )
        for _ in range(2)
    ]
    (one, _), (other, got) = made
    for way, to in ((other, one), (one, other)):
        way.sendto(b"hello", to.get_extra_info("sockname"))
    data = await asyncio.wait_for(got.got, 20)
    print(transport, bool(how), data.decode(), other.get_extra_info("sockname")[0])
    one.close()
    other.close()


async def run():
    await relayed("udp")
    await relayed("tcp")
    await relayed("tcp", ssl=True)


asyncio.run(run())
"""


def test_turn(tmp_path: Path) -> None:
    """By UDP, TCP and TLS, aioice relays at port 443 beside everything else; STUN is there, too."""
    (tmp_path / "relaying.py").write_text(RELAYING)
    client = f"""
arn=$(aws kinesisvideo create-signaling-channel --channel-name cam --output text)
sleep 1
{sys.executable} {tmp_path}/relaying.py eu-west-1 "$arn"
"""
    if shutil.which("turnutils_stunclient"):
        client += f"turnutils_stunclient -p 443 stun.{KVS} 2>&1 | grep -q 'addr: 127.0.0.1:'\n"
    done, _ = at_aws_names(tmp_path, client, *REGION, AWS_PAGER="")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "udp False hello 127.0.0.1",
        "tcp False hello 127.0.0.1",
        "tcp True hello 127.0.0.1",
    ]


@pytest.mark.parametrize(("host", "transport"), [("127.0.0.2", "tls"), ("10.9.8.7", "udp")])
def test_a_whole_call(tmp_path: Path, host: str, transport: str) -> None:
    """It is relayed on any address of the machine, whose relays are there as well."""
    client = f"kvsops smoke --relay --transport {transport} --duration 1s -o json"
    done, said = at_aws_names(tmp_path, client, *REGION, "--host", host)
    warning = "kvsops local: warning: whoever reaches 10.9.8.7 can use this"
    assert (warning in said) == (host == "10.9.8.7")
    report = json.loads(done.stdout)
    assert report["passed"], report
    assert f"{host.replace('.', '-')}.t-10ca1000.{KVS}" in done.stdout
    pair = report["selected_pair"]
    addresses = {pair[f"{end}_address"].partition(":")[0] for end in ("local", "remote")}
    assert addresses == {host}

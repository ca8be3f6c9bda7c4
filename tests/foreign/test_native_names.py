"""Foreign peers at AWS's own names: API, signaling, STUN and TURN at port 443 of one address.

The address is one beside loopback, in a network of the test's own; see tests/namespace.py.
"""

import json
import sys
from pathlib import Path

from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.meet import KVSOPS
from tests.foreign.stacks import STACKS
from tests.namespace import at_aws_names

NAMED = {stack.name: stack for stack in STACKS}
ADDRESS = "10.9.8.7"
KVS = "kinesisvideo.eu-west-1.amazonaws.com"

MEET = f"""
import json, os, subprocess, sys
from tests.foreign.peer import Foreign, Wish

program, arn = sys.argv[1:]
environment = dict(os.environ, AWS_ENDPOINT_URL="https://{KVS}")
wish = Wish("master", arn, environment, transport="relay-udp", codec="VP8")
with Foreign(program, wish) as camera:
    camera.wait_for("ready")
    smoke = ["smoke", arn, "--viewer-only", "--transport", "udp", "--duration", "3s", "-o", "json"]
    subprocess.run([*{KVSOPS!r}, *smoke], check=False)
"""


def test_libwebrtc(tmp_path: Path) -> None:
    """AWS's SDK for Node and its signaling client meet smoke there, relayed at both ends."""
    stack = NAMED["libwebrtc"]
    try:
        stack.require()
    except UnavailableError as error:
        unavailable(str(error))
    client = f"""
arn=$(aws kinesisvideo create-signaling-channel --channel-name cam --output text)
sleep 1
{sys.executable} -c "$MEET" {stack.program} "$arn"
"""
    root = str(Path(__file__).parents[2])
    done, _ = at_aws_names(
        tmp_path, client, "--region", "eu-west-1", "--host", ADDRESS, MEET=MEET, PYTHONPATH=root
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"], report["reason"]
    pair = report["selected_pair"]
    assert pair["local_address"].startswith(f"{ADDRESS}:")
    assert pair["remote_address"].startswith(f"{ADDRESS}:")
    assert (pair["local_type"], pair["remote_type"]) == ("relay", "relay")

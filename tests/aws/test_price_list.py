"""A price list of any wording, in the API's shape: AWS's own is not known to us."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from kvsops.aws import prices
from kvsops.aws.prices import refreshed
from kvsops.aws.scope import Scope
from kvsops.errors import KvsopsError
from kvsops.local.environment import child_environment
from tests.aws.test_prices import amounts, region_scope, stream_amounts
from tests.fleet import Time


def listed(description: str, unit: str, usd: object) -> dict[str, Any]:
    """Return a product with one price, in the API's shape."""
    price = {"description": description, "unit": unit, "pricePerUnit": {"USD": usd}}
    return {"terms": {"OnDemand": {"a": {"priceDimensions": {"b": price}}}}}


@contextmanager
def price_list(time: Time, *products: str) -> Iterator[Scope]:
    """Serve these products as GetProducts does; yield a scope that asks there."""

    class Api(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp or time.now().timestamp())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"PriceList": products, "FormatVersion": "aws_v1"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield region_scope(child_environment(url, "us-east-1", {}), "us-east-1", time)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CHANNEL = listed("$0.03 per active signaling channel", "ChannelMo", "0.0300000000")
MESSAGES = listed("$2.25 per million signaling messages", "Messages", "0.0000022500")
TURN = listed("$0.12 per 1,000 TURN streaming minutes", "Minutes", "0.0001200000")
OTHER = listed("$0.0085 per GB of data ingested", "GB", "0.0085")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("messages", "turn"),
    [
        (MESSAGES, TURN),
        (listed("Signaling messages", "Million Messages", "2.25"), TURN),
        (MESSAGES, listed("turn minutes", "1,000 minutes", "0.12")),
        (MESSAGES, listed("Minutes through TURN", "1000 Minutes", "0.12")),
        (MESSAGES, listed("Minutes through TURN", "thousand minutes", "0.12")),
    ],
)
def test_units(time: Time, messages: dict[str, Any], turn: dict[str, Any]) -> None:
    """A unit that says its multiple is taken at its word; the plain one is scaled."""
    products = [json.dumps(each) for each in (OTHER, CHANNEL, messages, turn)]
    with price_list(time, *products) as scope:
        assert amounts(refreshed(scope)[0]) == ("0.03", "2.25", "0.12")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (
            listed("TURN minutes", "Quantity", "0.12"),
            "the price list of us-east-1 has 'TURN minutes' in a unit that is not known: "
            "'Quantity'; nothing was stored",
        ),
        (
            listed("TURN minutes", "Minutes", "n/a"),
            "the price list of us-east-1 has 'TURN minutes', but its price is 'n/a': write an "
            "amount like 0.03; nothing was stored",
        ),
        (
            listed("$0.12 per 1,000 TURN minutes", "Minutes", "0.12"),
            "has '$0.12 per 1,000 TURN minutes' at 0.12 per 'Minutes': that would be 120 for "
            "thousand_turn_minutes, where us-east-1 has 0.12; nothing was stored",
        ),
        (listed("TURN minutes", "1,000 minutes", "0.0001"), "that would be 0.0001 for"),
        (listed("TURN minutes", "Minutes", "-1"), "but its price is '-1'"),
        (listed("TURN minutes", "Minutes", "NaN"), "but its price is 'NaN'"),
        (listed("TURN minutes", "Minutes", None), "but its price is None"),
        (listed("returned minutes", "Minutes", "1"), "has 0 rows for thousand_turn_minutes"),
        ({"terms": {"OnDemand": []}}, "the price list of us-east-1 is not as documented"),
        ([], "the price list of us-east-1 is not as documented"),
    ],
)
def test_malformed(time: Time, turn: Any, said: str) -> None:
    """What is not a price, or not a product, is refused, and it is not the user's mistake."""
    products = [json.dumps(each) for each in (CHANNEL, MESSAGES, turn)]
    with price_list(time, *products) as scope, pytest.raises(KvsopsError) as caught:
        refreshed(scope)
    assert said in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.usefixtures("environment")
def test_no_json(time: Time) -> None:
    """A product that is no JSON is refused."""
    with price_list(time, "<html>") as scope, pytest.raises(KvsopsError, match="not as documented"):
        refreshed(scope)


def test_three_amounts() -> None:
    """What is looked for in the price list is what a row must have."""
    assert tuple(each.amount for each in prices.PRODUCTS) == prices.AMOUNTS


STREAMS = (
    listed("$0.0085 per GB of data ingested", "GB", "0.0085"),
    listed("$0.0085 per GB of data consumed", "GB", "0.0085"),
    listed("$0.0119 per GB of data consumed using HLS", "GB", "0.0119"),
    listed("$0.023 per GB-month of data stored", "GB-Mo", "0.023"),
)
WARM = (
    listed("$0.01 per 1,000 fragments ingested into the warm tier", "Fragments", "0.00001"),
    listed("$0.01 per GB-month of storage in the warm tier", "GB-Mo", "0.01"),
    listed("Minutes of WebRTC media ingested", "Minutes", "0.01"),
)


@pytest.mark.usefixtures("environment")
def test_each_row_of_streams_is_told_from_its_neighbours(time: Time) -> None:
    """HLS is no plain consumption, and the warm tier and WebRTC's minutes are other products."""
    products = [json.dumps(each) for each in (CHANNEL, MESSAGES, TURN, *WARM, *STREAMS)]
    with price_list(time, *products) as scope:
        found, problems = refreshed(scope)
    assert problems == []
    assert stream_amounts(found) == ("0.0085", "0.0085", "0.0119", "0.023")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("at", "instead", "said"),
    [
        (0, (), "has 0 rows for gb_ingested, not 1"),
        (1, (STREAMS[1], STREAMS[1]), "has 2 rows for gb_consumed, not 1"),
        (2, (listed("consumed by HLS", "TB", "11.9"),), "in a unit that is not known: 'TB'"),
        (3, (listed("data stored", "GB-Mo", "23"),), "that would be 23 for gb_month_stored"),
        (3, (listed("data stored", "GB-Mo", "n/a"),), "but its price is 'n/a'"),
    ],
)
def test_a_row_of_streams_that_is_in_doubt(
    time: Time, at: int, instead: tuple[Any, ...], said: str
) -> None:
    """That one is not known, and said; the channels' prices and the other rows stand."""
    rows = [*STREAMS]
    rows[at : at + 1] = instead
    with price_list(time, *map(json.dumps, (CHANNEL, MESSAGES, TURN, *rows))) as scope:
        found, (problem,) = refreshed(scope)
    assert said in problem
    assert problem.endswith("; it stays unknown, unless you give --prices FILE")
    expected = ["0.0085", "0.0085", "0.0119", "0.023"]
    expected[at] = "None"
    assert (amounts(found), stream_amounts(found)) == (("0.03", "2.25", "0.12"), (*expected,))

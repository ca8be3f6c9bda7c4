"""The price list: what each region's rows say.

The wording, the usage types and the units of AWS's own rows are not known to us: these are ours,
in the shape of the API. Known are the prices of us-east-1 and of ap-southeast-2's signaling, which
https://aws.amazon.com/kinesis/video-streams/pricing/ and the public price list had; all the other
prices are invented, for tests. Two regions are wrong on purpose: eu-central-1 has two rows for
messages, and in eu-west-1 messages have no price and TURN's is not a number.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SERVICE_CODE = "AmazonKinesisVideo"

_LOCATIONS = {
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "us-east-1": "US East (N. Virginia)",
}
_ON_DEMAND, _RATE = "JRTCKXETXF", "6YS6EN2CT7"  # as in every product of the API


@dataclass(frozen=True)
class Row:
    """One price: dollars per unit, as written; None where the row has no price at all."""

    name: str
    description: str
    unit: str
    usd: str | None


_STREAMS = (
    Row("Ingest", "Data ingested into Kinesis Video Streams", "GB", "0.0085000000"),
    Row("Consume", "Data consumed from Kinesis Video Streams", "GB", "0.0085000000"),
    Row("Hls", "Data consumed from Kinesis Video Streams using HLS", "GB", "0.0119000000"),
    Row("Storage", "Data stored in Kinesis Video Streams", "GB-Mo", "0.0230000000"),
    Row("Ingestion", "Media ingested from WebRTC into storage", "Minutes", "0.0100000000"),
)


def _channel(usd: str) -> Row:
    return Row("Channel", "Kinesis Video Streams active signaling channel", "Channel-Month", usd)


def _messages(usd: str | None, name: str = "Messages") -> Row:
    return Row(name, "Kinesis Video Streams signaling messages", "Messages", usd)


def _turn(usd: str) -> Row:
    return Row("Turn", "Kinesis Video Streams TURN streaming minutes", "Minutes", usd)


_ROWS = {
    "ap-southeast-2": (_channel("0.0473000000"), _messages("0.0000035470"), _turn("0.0001892000")),
    "eu-central-1": (
        _channel("0.0400000000"),
        _messages("0.0000030000"),
        _messages("0.0000031000", "MessagesToo"),
        _turn("0.0001600000"),
    ),
    "eu-west-1": (_channel("0.0400000000"), _messages(None), _turn("n/a")),
    "us-east-1": (_channel("0.0300000000"), _messages("0.0000022500"), _turn("0.0001200000")),
}


def products() -> Iterator[dict[str, Any]]:
    """Yield the products of all regions, each as the API's JSON strings hold it."""
    for region, rows in _ROWS.items():
        for row in (*_STREAMS[:2], *rows, *_STREAMS[2:]):
            yield _product(region, row)


def _product(region: str, row: Row) -> dict[str, Any]:
    usage_type = f"{region}-kvsops-local:{row.name}"
    sku = hashlib.blake2b(usage_type.encode(), digest_size=8).hexdigest().upper()
    return {
        "product": {
            "productFamily": "Kinesis Video Streams",
            "attributes": {
                "servicecode": SERVICE_CODE,
                "servicename": "Amazon Kinesis Video Streams",
                "location": _LOCATIONS[region],
                "locationType": "AWS Region",
                "regionCode": region,
                "usagetype": usage_type,
                "operation": "",
            },
            "sku": sku,
        },
        "serviceCode": SERVICE_CODE,
        "terms": {"OnDemand": {f"{sku}.{_ON_DEMAND}": _term(sku, row)}},
        "version": "20260101000000",
        "publicationDate": "2026-01-01T00:00:00Z",
    }


def _term(sku: str, row: Row) -> dict[str, object]:
    rate = f"{sku}.{_ON_DEMAND}.{_RATE}"
    price = {
        "unit": row.unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": row.description,
        "appliesTo": [],
        "rateCode": rate,
        "pricePerUnit": {"USD": row.usd},
    }
    return {
        "priceDimensions": {} if row.usd is None else {rate: price},
        "sku": sku,
        "effectiveDate": "2026-01-01T00:00:00Z",
        "offerTermCode": _ON_DEMAND,
        "termAttributes": {},
    }


def price_list() -> list[tuple[dict[str, str], str]]:
    """Return what each product can be filtered by, and the product as the API's JSON string."""
    return [
        (
            {
                **each["product"]["attributes"],
                "ServiceCode": each["serviceCode"],
                "productFamily": each["product"]["productFamily"],
            },
            json.dumps(each, separators=(",", ":")),
        )
        for each in products()
    ]

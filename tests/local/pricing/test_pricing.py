"""The Price List API: rows to tell apart, and rows that must be refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.faults import Fault
from tests.local.conftest import failure

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Emulator

CODE = "AmazonKinesisVideo"


def of_region(region: str) -> list[dict[str, str]]:
    """Return the filters for a region's rows."""
    return [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]


def dimensions(products: list[str]) -> list[tuple[str, str, str]]:
    """Answer each price's description, unit and dollars, as a client reads them."""
    return [
        (price["description"], price["unit"], price["pricePerUnit"]["USD"])
        for text in products
        for term in json.loads(text)["terms"]["OnDemand"].values()
        for price in term["priceDimensions"].values()
    ]


@pytest.fixture
def pricing(over_http: Emulator) -> Any:
    """Make a client of the Price List API."""
    return over_http.client("pricing")


def signaling(pricing: Any, region: str) -> list[tuple[str, str]]:
    """Answer unit and dollars of the rows that name signaling or TURN."""
    products = pricing.get_products(ServiceCode=CODE, Filters=of_region(region))["PriceList"]
    rows = dimensions(products)
    return [(unit, usd) for text, unit, usd in rows if "signaling" in text or "TURN" in text]


@pytest.mark.parametrize(
    ("region", "rows"),
    [
        (
            "us-east-1",
            [
                ("Channel-Month", "0.0300000000"),
                ("Messages", "0.0000022500"),
                ("Minutes", "0.0001200000"),
            ],
        ),
        (
            "ap-southeast-2",
            [
                ("Channel-Month", "0.0473000000"),
                ("Messages", "0.0000035470"),
                ("Minutes", "0.0001892000"),
            ],
        ),
        (
            "eu-central-1",
            [
                ("Channel-Month", "0.0400000000"),
                ("Messages", "0.0000030000"),
                ("Messages", "0.0000031000"),
                ("Minutes", "0.0001600000"),
            ],
        ),
        ("eu-west-1", [("Channel-Month", "0.0400000000"), ("Minutes", "n/a")]),
        ("eu-north-1", []),
    ],
)
def test_rows(pricing: Any, region: str, rows: list[tuple[str, str]]) -> None:
    """Two regions are sound, one is ambiguous, one is malformed, and the others are not there."""
    assert signaling(pricing, region) == rows


def test_rows_of_streams_are_among_them(pricing: Any) -> None:
    """Neither a unit alone nor a place in the list tells which row is which."""
    answer = pricing.get_products(ServiceCode=CODE, Filters=of_region("us-east-1"))
    assert [unit for _, unit, _ in dimensions(answer["PriceList"])] == [
        "GB",
        "GB",
        "Channel-Month",
        "Messages",
        "Minutes",
        "GB",
        "GB-Mo",
        "Minutes",
    ]


def test_shape(pricing: Any) -> None:
    """Each product is a string of JSON, as the API's are."""
    answer = pricing.get_products(ServiceCode=CODE, FormatVersion="aws_v1", MaxResults=1)
    assert answer["FormatVersion"] == "aws_v1"
    product = json.loads(answer["PriceList"][0])
    assert sorted(product) == ["product", "publicationDate", "serviceCode", "terms", "version"]
    assert product["product"]["attributes"]["regionCode"] == "ap-southeast-2"
    assert product["product"]["attributes"]["servicecode"] == "AmazonKinesisVideo"


@pytest.mark.parametrize(("size", "pages"), [(1, 8), (3, 3), (8, 1), (100, 1)])
def test_pages(pricing: Any, size: int, pages: int) -> None:
    """A region's eight rows come in pages, each row once."""
    paginator = pricing.get_paginator("get_products")
    asked = paginator.paginate(
        ServiceCode=CODE,
        Filters=of_region("us-east-1"),
        PaginationConfig={"PageSize": size},
    )
    found = [page["PriceList"] for page in asked]
    assert len(found) == pages
    assert len({text for page in found for text in page}) == 8


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([], 33),
        ([("location", "US East (N. Virginia)")], 8),
        ([("ServiceCode", "AmazonKinesisVideo")], 33),
        ([("regionCode", "us-east-1"), ("productFamily", "Kinesis Video Streams")], 8),
        ([("regionCode", "us-east-1"), ("regionCode", "eu-west-1")], 0),
        ([("nothing", "us-east-1")], 0),
    ],
)
def test_filters(pricing: Any, filters: list[tuple[str, str]], count: int) -> None:
    """A product must match all filters."""
    answer = pricing.get_products(
        ServiceCode=CODE,
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters],
    )
    assert len(answer["PriceList"]) == count


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"ServiceCode": "AmazonEC2"}, "NotFoundException", "no prices of AmazonEC2"),
        ({}, "InvalidParameterException", "Value null at 'serviceCode'"),
        (
            {"ServiceCode": CODE, "FormatVersion": "aws_v2"},
            "InvalidParameterException",
            "FormatVersion is not aws_v1",
        ),
        (
            {"ServiceCode": CODE, "MaxResults": 101},
            "InvalidParameterException",
            "Value '101' at 'maxResults' failed to satisfy constraint",
        ),
        (
            {"ServiceCode": CODE, "NextToken": "nope"},
            "InvalidNextTokenException",
            "The NextToken is not valid",
        ),
        (
            {
                "ServiceCode": CODE,
                "Filters": [{"Type": "CONTAINS", "Field": "regionCode", "Value": "us"}],
            },
            "InvalidParameterException",
            "no filter of type CONTAINS",
        ),
    ],
)
def test_refused(pricing: Any, asked: dict[str, Any], code: str, message: str) -> None:
    """What the emulator does not have is an error, never an empty list."""
    found = failure(pricing.get_products, **asked)
    assert found[:2] == (code, 400)
    assert message in found[2]


def test_a_token_of_another_listing(pricing: Any) -> None:
    """A token goes on with the listing it is from, and with no other."""
    token = pricing.get_products(ServiceCode=CODE, MaxResults=2)["NextToken"]
    asked = {"ServiceCode": CODE, "Filters": of_region("us-east-1"), "NextToken": token}
    assert failure(pricing.get_products, **asked)[0] == "InvalidNextTokenException"


def test_services(pricing: Any) -> None:
    """DescribeServices names what can be filtered by."""
    services = pricing.describe_services()["Services"]
    assert [service["ServiceCode"] for service in services] == ["AmazonKinesisVideo"]
    assert "regionCode" in services[0]["AttributeNames"]


@pytest.mark.parametrize(
    ("region", "there"),
    [("us-east-1", True), ("eu-central-1", True), ("ap-south-1", True), ("eu-west-1", False)],
)
def test_endpoints(
    over_http: Emulator,
    region: str,
    there: bool,  # noqa: FBT001 - a row
) -> None:
    """The API is in three regions; a client that asks another learns so."""
    pricing = over_http.client("pricing", region)
    if there:
        assert len(pricing.get_products(ServiceCode=CODE)["PriceList"]) == 33
    else:
        found = failure(pricing.get_products, ServiceCode=CODE)
        assert found[:2] == ("UnknownOperationException", 404)
        assert "an endpoint of pricing in eu-west-1" in found[2]


def test_what_we_lack(pricing: Any) -> None:
    """The API's other operations are not there."""
    found = failure(pricing.get_attribute_values, ServiceCode=CODE, AttributeName="location")
    assert found[:2] == ("UnknownOperationException", 404)


def test_counted_and_faulted(pricing: Any, over_http: Emulator, local: LocalServer) -> None:
    """Calls are counted, and meet faults and latency as all others do."""
    over_http.settings.latency = timedelta(milliseconds=1)
    over_http.settings.faults = (Fault("GetProducts", "AccessDeniedException"),)
    assert failure(pricing.get_products, ServiceCode=CODE)[:2] == ("AccessDeniedException", 403)
    over_http.settings.faults = ()
    pricing.get_products(ServiceCode=CODE)
    assert local.calls["GetProducts"] == 2

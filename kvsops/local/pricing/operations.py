"""DescribeServices and GetProducts.

Source: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Price_List_Service.html
"""

import json
from typing import Any, TypeVar

from kvsops.local.api.call import Answer, Call, error_answer, json_answer
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.model import service_model
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.api.validation import validate
from kvsops.local.pricing.rows import SERVICE_CODE, price_list

T = TypeVar("T")

REGIONS = frozenset({"ap-south-1", "eu-central-1", "us-east-1"})
"""Where AWS has the API; each tells the prices of all regions.

Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""
FORMAT_VERSION = "aws_v1"
MAX_RESULTS = 100

Asked = dict[str, Any]


class PricingError(Exception):
    """What the API answers instead, with AWS's code for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(call: Call) -> Answer | None:
    """Return the answer to a call of the Price List API; None if we lack the operation."""
    if call.region not in REGIONS:
        return error_answer(
            404,
            "UnknownOperationException",
            f"kvsops local does not have an endpoint of pricing in {call.region}, as AWS has none.",
        )
    operation = {"DescribeServices": _describe_services, "GetProducts": _get_products}.get(
        call.operation
    )
    if operation is None:
        return None
    try:
        return json_answer({**operation(_parameters(call)), "FormatVersion": FORMAT_VERSION})
    except PricingError as error:
        return error_answer(400, error.code, str(error))


def _parameters(call: Call) -> Asked:
    """Return the parameters, checked against the model and against what we have."""
    shape = service_model("pricing").operation_model(call.operation).input_shape
    try:
        asked: Asked = json.loads(call.body or "{}")
        if shape is not None:
            validate(shape, asked)
    except (ValueError, RecursionError):
        raise PricingError("InvalidParameterException", "The body is not JSON.") from None
    except InvalidArgumentException as error:
        raise PricingError("InvalidParameterException", error.message) from None
    if asked.get("FormatVersion", FORMAT_VERSION) != FORMAT_VERSION:
        raise PricingError("InvalidParameterException", f"FormatVersion is not {FORMAT_VERSION}.")
    if asked.get("ServiceCode", SERVICE_CODE) != SERVICE_CODE:
        raise PricingError(
            "NotFoundException", f"kvsops local has no prices of {asked['ServiceCode']}."
        )
    return asked


def _describe_services(asked: Asked) -> Asked:
    names = sorted({name for attributes, _ in price_list() for name in attributes})
    services = [{"ServiceCode": SERVICE_CODE, "AttributeNames": names}]
    page, token = _page(services, asked)
    return {"Services": page, **token}


def _get_products(asked: Asked) -> Asked:
    filters = asked.get("Filters") or []
    for each in filters:
        if each["Type"] != "TERM_MATCH":
            raise PricingError(
                "InvalidParameterException", f"kvsops local has no filter of type {each['Type']}."
            )
    found = [
        text
        for attributes, text in price_list()
        if all(attributes.get(each["Field"]) == each["Value"] for each in filters)
    ]
    page, token = _page(found, asked)
    return {"PriceList": page, **token}


def _page(found: list[T], asked: Asked) -> tuple[list[T], dict[str, str]]:
    """Return the page asked for, and the next one's token if there is one."""
    listing = json.dumps([asked.get("Filters"), len(found)])
    start = 0
    if asked.get("NextToken"):
        try:
            start = int(name_before(asked["NextToken"], listing))
        except InvalidArgumentException as error:
            raise PricingError("InvalidNextTokenException", error.message) from None
    end = start + asked.get("MaxResults", MAX_RESULTS)
    token = {"NextToken": token_after(str(end), listing)} if end < len(found) else {}
    return found[start:end], token

"""Each region's prices: the shipped table, what the Price List API said, or the user's own file."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any, Final

from kvsops.aws.scope import Scope
from kvsops.core.cost import Prices
from kvsops.errors import KvsopsError, UsageError
from kvsops.output import files
from kvsops.output.places import cache_directory

USUAL: Final = "us-east-1"
UNLIKELY: Final = 20
"""A price 20 times another region's is a unit misread: the units are not documented either."""
CURRENCY: Final = "USD"
AMOUNTS: Final = ("channel_month", "million_messages", "thousand_turn_minutes")
STREAM_AMOUNTS: Final = ("gb_ingested", "gb_consumed", "gb_consumed_by_hls", "gb_month_stored")
"""May be left out, each by itself: then it is not known."""
MOST: Final = 1_000_000
"""No price is beyond it; a slip of the pen may be, and money is exact to 28 digits only."""
SERVICE_CODE: Final = "AmazonKinesisVideo"
SOURCE: Final = "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html"


@dataclass(frozen=True, slots=True)
class Product:
    """How a price is known in the price list: by its description, and the scale of its unit.

    The usage types of these rows are not documented, so nothing rests on them.
    """

    amount: str
    description: str  # a pattern
    scales: tuple[tuple[str, int], ...]  # the unit's pattern, and how many of it our amount is for
    another: str = "(?!)"  # a pattern: what it matches is another product's, as nothing is here


# A unit that says its own multiple comes before the plain one.
PRODUCTS: Final = (
    Product("channel_month", r"active signaling channel", ((r"channel|month", 1),)),
    Product("million_messages", r"signaling message", ((r"million", 1), (r"message", 1_000_000))),
    Product("thousand_turn_minutes", r"\bTURN\b", ((r"1,?000|thousand", 1), (r"minute", 1_000))),
)

# The warm storage tier has rows of its own, which are not known to us.
# Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/tiered-storage.html
_GB: Final = r"^(GB|gigabytes?)$"
_OTHERS: Final = r"warm|image|WebRTC|signaling|TURN"
STREAM_PRODUCTS: Final = (
    Product("gb_ingested", r"\bingest", ((_GB, 1),), _OTHERS),
    Product("gb_consumed", r"\bconsum", ((_GB, 1),), rf"{_OTHERS}|HLS"),
    Product("gb_consumed_by_hls", r"\bconsum.*\bHLS\b|\bHLS\b.*\bconsum", ((_GB, 1),), _OTHERS),
    Product("gb_month_stored", r"\bstor(ed|age)\b", ((r"^GB-(Mo|Month)$", 1),), _OTHERS),
)

Known = tuple[Prices, str]
"""A region's prices, and whence they come: the file's path, `refreshed` or `shipped`."""


def cache_path(*, emulated: bool) -> Path | None:
    """Return where refreshed prices are kept, if anywhere: an emulator's never where AWS's are."""
    name, kept = "emulated-prices.toml" if emulated else "prices.toml", cache_directory()
    return kept / name if kept else None


def load(file: Path | None, cache: Path | None) -> dict[str, Known]:
    """Return each region's prices: the file's before the cache's before the shipped.

    Raises `UsageError` for a file or a cache that is wrong, naming the row.
    """
    known = {row.region: (row, "shipped") for row in _shipped()}
    for path, name in (
        (cache if cache and cache.exists() else None, "refreshed"),
        (file, str(file)),
    ):
        if path is not None:
            known |= {row.region: (row, name) for row in _rows(_text(path), str(path))}
    return known


def _shipped() -> Iterator[Prices]:
    text = resources.files("kvsops.aws").joinpath("prices.toml").read_text(encoding="utf-8")
    return _rows(text, "the shipped table")


def prices_of(known: Mapping[str, Known], region: str, assume: str | None = None) -> Prices:
    """Return the region's prices, or those of the region to assume, marked as such.

    Raises `UsageError` where they are not known: no region is silently priced as another.
    """
    if region in known and assume in (None, region):
        return known[region][0]
    if assume is not None and assume in known:
        return replace(known[assume][0], region=region, assumed_from=assume)
    msg = (
        f"no prices are known for {assume or region}: read them with kvsops prices --refresh, give "
        f"--prices FILE, or --assume-prices-of one of {', '.join(sorted(known))}"
    )
    raise UsageError(msg)


def refreshed(scope: Scope) -> tuple[Prices, list[str]]:
    """Read the scope's region's prices from the Price List API; say which of streams it lacks.

    Raises `KvsopsError` unless exactly one row matches each price of channels; one of streams is
    then not known.
    """
    region, found = scope.region, list(_dimensions(scope))
    try:
        channel, messages, turn = (_matched(product, found, region) for product in PRODUCTS)
    except KvsopsError as error:
        raise KvsopsError(f"{error}; nothing was stored: give --prices FILE") from error
    problems: list[str] = []
    of_streams: dict[str, Any] = {}
    for product in STREAM_PRODUCTS:
        try:
            of_streams[product.amount] = _matched(product, found, region)
        except KvsopsError as error:
            problems.append(f"{error}; it stays unknown, unless you give --prices FILE")
    as_of = f"{scope.now():%Y-%m-%d}"
    return Prices(region, channel, messages, turn, as_of, SOURCE, **of_streams), problems


def store(prices: Prices, cache: Path) -> None:
    """Put the region's prices into the cache beside those of other regions.

    Raises `KvsopsError` when it cannot be written.
    """
    kept = {row.region: row for row in _rows(_text(cache), str(cache))} if cache.exists() else {}
    lines = [f'currency = "{CURRENCY}"']
    for row in (kept | {prices.region: prices}).values():
        lines += ["", f"[{row.region}]"]
        amounts = ((name, getattr(row, name)) for name in (*AMOUNTS, *STREAM_AMOUNTS))
        lines += [f'{name} = "{amount:f}"' for name, amount in amounts if amount is not None]
        lines += [f"{key} = {json.dumps(getattr(row, key))}" for key in ("as_of", "source")]
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        files.replace(cache, "\n".join([*lines, ""]).encode())
    except OSError as error:
        raise KvsopsError(f"{cache} cannot be written: {error.strerror}") from error


def _dimensions(scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Yield each price's description, unit and amount in dollars."""
    region = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": scope.region}
    pages = scope.pages("GetProducts", "PriceList", ServiceCode=SERVICE_CODE, Filters=[region])
    try:
        for page in pages:
            for text in page:
                yield from _dimensions_of(json.loads(text))
    except (ValueError, AttributeError) as error:
        msg = f"the price list of {scope.region} is not as documented: nothing was stored"
        raise KvsopsError(f"{msg}: give --prices FILE") from error


def _dimensions_of(product: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for row in term.get("priceDimensions", {}).values():
            dollars = row.get("pricePerUnit", {}).get(CURRENCY, "")
            yield str(row.get("description", "")), str(row.get("unit", "")), dollars


def _matched(product: Product, found: list[tuple[str, str, str]], region: str) -> Decimal:
    rows = [
        row
        for row in found
        if _finds(product.description, row[0]) and not _finds(product.another, row[0])
    ]
    if len(rows) != 1:
        seen = "; ".join(f"{text!r} per {unit!r}" for text, unit, _ in rows) or "none of "
        seen += f"{len(found)} rows" if not rows else ""
        msg = f"the price list of {region} has {len(rows)} rows for {product.amount}, not 1: {seen}"
        raise KvsopsError(msg)
    text, unit, dollars = rows[0]
    scale = next((scale for unit_of, scale in product.scales if _finds(unit_of, unit)), None)
    if scale is None:
        msg = f"the price list of {region} has {text!r} in a unit that is not known: {unit!r}"
        raise KvsopsError(msg)
    try:
        amount = (_amount(dollars, "its price") * scale).normalize()
    except UsageError as error:  # not the user's: the list's
        msg = f"the price list of {region} has {text!r}, but {error}"
        raise KvsopsError(msg) from error
    usual = next(getattr(row, product.amount) for row in _shipped() if row.region == USUAL)
    if not usual / UNLIKELY <= amount <= usual * UNLIKELY:
        msg = f"the price list of {region} has {text!r} at {dollars} per {unit!r}: that would be "
        msg += f"{amount:f} for {product.amount}, where {USUAL} has {usual}"
        raise KvsopsError(msg)
    return amount


def _finds(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _rows(text: str, where: str) -> Iterator[Prices]:
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML: {error}") from error
    currency = table.pop("currency", None)
    if currency != CURRENCY:
        raise UsageError(f'{where}: currency is {currency!r}: write currency = "{CURRENCY}"')
    if not table:
        raise UsageError(f"{where} has no region: write a table like [us-east-1]")
    for region, row in table.items():
        yield _row(region, row, f"{where}: [{region}]")


def _row(region: str, row: Any, where: str) -> Prices:
    if not isinstance(row, dict):
        raise UsageError(f"{where} is not a table of prices")
    keys = {*AMOUNTS, "as_of", "source"}
    wrong = sorted(keys - row.keys()) or sorted(row.keys() - keys - {*STREAM_AMOUNTS})
    if wrong:
        raise UsageError(f"{where} {'lacks' if keys - row.keys() else 'has unknown'} {wrong[0]}")
    channel, messages, turn = (_amount(row[key], f"{where} {key}") for key in AMOUNTS)
    of_streams: dict[str, Any] = {
        key: _amount(row[key], f"{where} {key}") for key in STREAM_AMOUNTS if key in row
    }
    as_of, source = str(row["as_of"]), str(row["source"])
    return Prices(region, channel, messages, turn, as_of, source, **of_streams)


def _amount(value: object, where: str) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise UsageError(f"{where} is {value!r}: write an amount like 0.03") from error
    if not amount.is_finite() or not 0 <= amount <= MOST or isinstance(value, bool):
        raise UsageError(f"{where} is {value!r}: write an amount of 0 to {MOST:,}")
    return amount


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"the price file {path} cannot be read: {why}") from error

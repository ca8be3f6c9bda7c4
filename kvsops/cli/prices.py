"""`kvsops prices`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import output_options, screen
from kvsops.cli.places import Wherever, places_options
from kvsops.cli.where import Where
from kvsops.errors import KvsopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kvsops.aws.scope import Scope
    from kvsops.output.rows import Output


@click.command(
    cls=Command,
    epilog="A price file is TOML: currency, and for each region a table with channel_month, "
    "million_messages, thousand_turn_minutes, as_of and source; for streams also gb_ingested, "
    "gb_consumed, gb_consumed_by_hls and gb_month_stored, as far as they are known.",
)
@section("Prices")
@click.option(
    "--refresh", is_flag=True, help="Read the region's prices from AWS's Price List, and keep them."
)
@click.option(
    "--prices",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Use the prices in this TOML file first.",
)
@output_options()
@places_options
def prices(
    *, where: Wherever, refresh: bool, file: Path | None, output: "Output", query: str | None
) -> None:
    """Show the prices that apply, and where they come from.

    \b
    Examples:
      kvsops prices
      kvsops prices --refresh --region eu-west-1
      kvsops prices --region us-east-1 --region eu-west-1
      kvsops prices --prices ours.toml -o json

    Prices differ by region; a region whose prices are not known is never given another's. They
    are in US dollars: for a month of a channel that is used, a million signaling messages, and a
    thousand TURN streaming minutes; for a GB that a stream takes in, that is read from it, or by
    HLS, and that it keeps for a month. A price that is not known shows as "?".
    """
    from kvsops.aws import prices as price_tables
    from kvsops.output.console import Console
    from kvsops.output.rows import render
    from kvsops.reports.price_columns import price_columns

    kept = price_tables.cache_path(emulated=where.emulated)
    regions, problems = _regions(where), list[str]()
    if refresh:
        if kept is None:
            raise UsageError("there is no home directory to keep prices in: set XDG_CACHE_HOME")
        scopes = _scopes(where, regions)
        problems = [line for each in scopes for line in _refresh(each, kept, many=bool(regions))]
    known = price_tables.load(file, kept)
    rows = [known[region] for region in regions or sorted(known) if region in known]
    text = render(rows, price_columns(), output, query, screen=screen(), noun="region")
    click.echo(text, nl=False)
    if where.region:
        price_tables.prices_of(known, where.region)
    if unknown := [region for region in regions if region not in known]:
        problems.append(f"no prices are known for {', '.join(unknown)}: read them with --refresh")
    for problem in problems:
        Console().error(problem)
    click.get_current_context().exit(1 if problems else 0)


def _regions(where: Wherever) -> list[str]:
    """Return the regions asked for, where they are many: prices are the same for all accounts."""
    if len(where.asked.regions) < 2 and not where.asked.all_regions:  # noqa: PLR2004 - no more than one
        return []
    from kvsops.fleet.selection import regions_of

    return regions_of(where.asked, os.environ)


def _scopes(where: Wherever, regions: list[str]) -> "Iterator[Scope]":
    """Open where prices are read: by the caller's own credentials, whatever roles are given."""
    if not regions:
        yield where.open(read_only=True)
    for region in regions:
        own = Where(where.profile, region, where.endpoint_url, where.quota_share)
        yield own.open(read_only=True)


def _refresh(scope: "Scope", kept: Path, *, many: bool) -> list[str]:
    """Read a region's prices, and keep them; return what could not be told.

    Of many regions one that fails is told, and the others go on.
    """
    from kvsops.aws import prices as price_tables
    from kvsops.output.console import Console

    try:
        found, problems = price_tables.refreshed(scope)
    except UsageError:
        raise
    except KvsopsError as error:
        if not many:
            raise
        return [str(error)]
    price_tables.store(found, kept)
    Console().note(f"the prices of {scope.region} are kept in {kept}")
    return problems

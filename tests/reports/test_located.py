"""What is said of many accounts and regions: once, and by how many they are."""

import pytest

from kvsops.reports.located import extent, told_once

A, B, C, D = (digit * 12 for digit in "1234")
EAST, WEST = "us-east-1", "eu-west-1"


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ([(f"{A} {EAST}", "no")], [f"{A} {EAST}: no"]),
        ([(f"{A} {EAST}", "no"), (f"{B} {EAST}", "no")], [f"{EAST} of {A}, {B}: no"]),
        ([(f"{A} {EAST}", "no"), (f"{B} {WEST}", "no")], [f"{A} {EAST}, {B} {WEST}: no"]),
        ([(A, "no"), (B, "no")], [f"{A}, {B}: no"]),
        (
            [(f"{each} all regions", "no") for each in (A, B, C, D)],
            [f"all regions of {A}, {B}, {C} and 1 more: no"],
        ),
        (
            [(each, f"arn:aws:iam::{each}:role/sweep cannot be assumed") for each in (A, B)],
            [f"{A}, {B}: role/sweep cannot be assumed"],
        ),
        (
            [(A, f"arn:aws:iam::{B}:role/sweep cannot be assumed")],
            [f"{A}: arn:aws:iam::{B}:role/sweep cannot be assumed"],
        ),
        (
            [(f"{each} {EAST}", f"denied; AWS says: User: {each} may not") for each in (A, B)],
            [f"{EAST} of {A}, {B}: denied"],
        ),
        (
            [
                (each, f"arn:aws:sts::{each}:assumed-role/sweep/me needs x (request ID {each}-1)")
                for each in (A, B)
            ],
            [f"{A}, {B}: assumed-role/sweep/me needs x"],
        ),
    ],
)
def test_told_once(said: list[tuple[str, str]], lines: list[str]) -> None:
    """What is the same in many places is one line; what differs by place alone is left out."""
    assert told_once(said) == lines


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([(A, EAST)], f"account {A}, {EAST}"),
        ([(A, EAST), (A, WEST)], f"account {A}, 2 regions"),
        ([(A, EAST), (B, EAST)], f"2 accounts, {EAST}"),
        ([(A, EAST), (A, WEST), (B, EAST), (B, WEST)], "2 accounts × 2 regions"),
        ([(A, EAST), (A, WEST), (B, EAST)], "2 accounts, 2 regions"),
        ([], "no account and region"),
    ],
)
def test_extent(places: list[tuple[str, str]], said: str) -> None:
    """Only where each account was looked at in each region is it so many times so many."""
    assert extent(places) == said

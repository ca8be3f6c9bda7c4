"""A choice among words; of a wrong one it is said which may be meant."""

from typing import Any

import click

from kvsops.core.likeness import suggestion


class Choice(click.Choice[str]):
    """One of some words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say what there is, and what is nearest to it."""
        what = super().get_invalid_choice_message(value, ctx).rstrip(".")
        near = suggestion(str(value), self.choices)
        return f"{what}: {near}" if near else what

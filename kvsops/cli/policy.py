"""`kvsops policy`."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kvsops.core.text import age

if TYPE_CHECKING:
    from kvsops.core.judge import Policy


@click.group()
def policy() -> None:
    """Check the policies in kvsops.toml, which kvsops sweep follows.

    \b
    Examples:
      kvsops policy check
      kvsops policy check policies/nightly.toml
      kvsops policy schema > kvsops.schema.json

    Where there is a kvsops.toml, kvsops sweep without a condition runs its policies.
    """


@policy.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="kvsops.toml")
def check(file: Path) -> None:
    """Check a policy FILE, and show the policies in it.

    \b
    Examples:
      kvsops policy check
    """
    from kvsops.output.rows import Column, table
    from kvsops.sweep.policy import load

    rows = [
        (each.name, _words(each), "-" if each.grace is None else age(each.grace))
        for each in load(file).rules.policies
    ]
    columns = [
        Column[tuple[str, str, str]]("policy", "POLICY", lambda row: row[0]),
        Column[tuple[str, str, str]]("rules", "RULES", lambda row: row[1]),
        Column[tuple[str, str, str]]("grace", "GRACE", lambda row: row[2]),
    ]
    click.echo(table(rows, columns), nl=False)


def _words(policy: "Policy") -> str:
    """Say what the policy was given, in the words of the options."""
    given = [
        (option.name, values[option.name])
        for rule, values in policy.rules
        for option in rule.options
        if values[option.name] != option.absent
    ]
    return " ".join(f"--{name} {_text(value)}".rstrip() for name, value in given)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    if isinstance(value, timedelta):
        return age(value)
    return "" if value is True else str(value)


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    \b
    Examples:
      kvsops policy schema > kvsops.schema.json
    """
    from kvsops.output.rows import dumps
    from kvsops.sweep.policy import schema

    click.echo(dumps(schema()), nl=False)

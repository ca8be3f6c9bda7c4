"""`kvsops policy`."""

from pathlib import Path

import click

from kvsops.cli.options import screen
from kvsops.sweep.policy import FILE_NAME


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
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=FILE_NAME)
def check(file: Path) -> None:
    """Check a policy FILE, and show all that was understood of it.

    \b
    Examples:
      kvsops policy check
    """
    from kvsops.output.console import Console
    from kvsops.reports.policies import policies_text
    from kvsops.sweep.policy import load

    click.echo(policies_text(load(file), screen()), nl=False)
    words = ["kvsops", "sweep", *([] if str(file) == FILE_NAME else ["--policy", str(file)])]
    Console().propose("To see what they would delete (a dry run)", words)


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    \b
    Examples:
      kvsops policy schema > kvsops.schema.json
    """
    from kvsops.output.rows import dumps
    from kvsops.sweep.schema import schema

    click.echo(dumps(schema()), nl=False)

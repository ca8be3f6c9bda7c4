"""Golden files: what a whole screen shows, beside its test, rewritten by `tests.regenerate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

REWRITE: Final = "--rewrite-goldens"
"""The option of pytest by which it runs only the tests of goldens, and lets them write these."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden file of one test; called with what is shown now.

    What differs from run to run is given by name, and stands as `{name}` in the file.
    """

    path: Path
    rewrite: bool

    def __call__(self, shown: str, part: str = "", **varying: object) -> None:
        """Assert that this is what the file has (one for each part), or write it there."""
        for name, value in varying.items():
            assert str(value) in shown
            shown = shown.replace(str(value), f"{{{name}}}")
        path = self.path.with_suffix(f".{part}.txt") if part else self.path
        if self.rewrite:
            path.parent.mkdir(exist_ok=True)
            path.write_text(shown, encoding="utf-8", newline="")
        with path.open(encoding="utf-8", newline="") as file:
            assert shown == file.read(), "if it is meant to be so: python -m tests.regenerate"

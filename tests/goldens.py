"""Golden files: what a whole screen shows, beside its test, rewritten by `tests.regenerate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

REWRITE: Final = "--rewrite-goldens"
"""The option of pytest by which it runs only the tests of goldens, and lets them write these."""


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden file of one test; called with what is shown now."""

    path: Path
    rewrite: bool

    def __call__(self, shown: str) -> None:
        """Assert that this is what the file has, or write it there."""
        if self.rewrite:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(shown, encoding="utf-8")
        expected = self.path.read_text(encoding="utf-8")
        assert shown == expected, "if it is meant to be so: python -m tests.regenerate"

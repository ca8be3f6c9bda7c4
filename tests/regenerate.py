"""Write what is generated: `python -m tests.regenerate`; with `--check`, say whether it is stale.

Generated are the policy file's JSON Schema, the documents' samples, picture and help, and the
golden files of the tests. A golden file is checked by its own test: `--check` leaves it to pytest.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kvsops.output.rows import dumps
from kvsops.sweep import schema
from tests.docs import samples
from tests.docs.pages import name, pages
from tests.goldens import REWRITE

ROOT: Final = Path(__file__).parents[1]
SCHEMA: Final = ROOT / "kvsops" / "sweep" / schema.SCHEMA_FILE


def documents(*options: str, **environ: str) -> int:
    """Run cog on the documents; return its exit code."""
    argv = [sys.executable, "-m", "cogapp", *options, *(name(page) for page in pages())]
    return subprocess.run(argv, cwd=ROOT, env=os.environ | environ, check=False).returncode


def check() -> int:
    """Return 0 unless something is stale; say what."""
    current = SCHEMA.read_text(encoding="utf-8") == dumps(schema.schema())
    if not current:
        sys.stderr.write(f"{SCHEMA} is stale: python -m tests.regenerate\n")
    drawn = samples.pictured(samples.PICTURE.read_text(encoding="utf-8"))
    pictured = drawn == samples.pictured(samples.picture())
    if not pictured:
        sys.stderr.write(f"{samples.PICTURE} is stale: python -m tests.regenerate\n")
    return max(documents("--check", "--diff"), not (current and pictured))


def write() -> int:
    """Write everything anew; return 0 where all could be."""
    SCHEMA.write_text(dumps(schema.schema()), encoding="utf-8")
    samples.PICTURE.write_text(samples.picture(), encoding="utf-8")
    for golden in (ROOT / "tests").rglob("golden/*.txt"):  # so that none outlives its test
        golden.unlink()
    return documents("-r", MEASURE="1") or int(pytest.main([REWRITE, "-q", str(ROOT / "tests")]))


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else write())

"""Files that others may be reading: put in their place whole, or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

FOR_ALL: Final = 0o644
"""For a file that another user reads, as Prometheus's collector does."""


def written_through(path: Path) -> bool:
    """Whether the path is no plain file, or a link: then what is there is written to."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def passing(directory: Path) -> Path:
    """Return where a file that is soon gone may be made: at a name of nobody else's.

    It ends otherwise than in .prom, so that Prometheus's collector leaves it alone.
    """
    return directory / f".kvsops-{secrets.token_hex(8)}.tmp"


def replace(path: Path, data: bytes, mode: int | None = None) -> None:
    """Put the data in the file's place at once: whoever reads it finds the old or the new.

    What is no plain file (a link, `/dev/null`, a pipe) stays what it is, and is written to. Without
    a `mode` the file gets what the process's umask leaves. Raises OSError, and ValueError for a
    name with a null character; nothing is left behind then.
    """
    if written_through(path):
        path.write_bytes(data)
        return
    written = passing(path.parent)
    with written.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            written.replace(path)
        except BaseException:
            with suppress(OSError):
                written.unlink()
            raise

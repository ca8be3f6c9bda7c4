"""Where this user's own files are kept."""

from collections.abc import Callable
from pathlib import Path


def state_directory() -> Path | None:
    """Return where what was done is kept; None where there is no home directory."""
    import platformdirs

    return _known(platformdirs.user_state_path)


def cache_directory() -> Path | None:
    """Return where what can be read again is kept; None where there is no home directory."""
    import platformdirs

    return _known(platformdirs.user_cache_path)


def _known(place: Callable[[str], Path]) -> Path | None:
    """Return a place, if this user, who may have no entry among the users, has any."""
    try:
        path = place("kvsops")
    except (RuntimeError, KeyError):
        return None
    return path if path.is_absolute() else None

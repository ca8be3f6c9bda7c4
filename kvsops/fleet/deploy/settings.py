"""What a deployed sweep goes by: written into the state machine, and read by its functions."""

from dataclasses import asdict, dataclass
from typing import Any, Final

FUNCTIONS: Final = ("list", "plan", "fuse", "delete", "total")
"""The steps of a run, each a Lambda function: the name ends that of its role, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The policy file's text, the fuses, the places, and whether anything is deleted.

    They stand in the state machine's definition: what it is started with changes none of them.
    """

    policy: str
    deletes: bool
    max_deletes: str | None
    max_deletes_total: str
    role: str
    regions: tuple[str, ...] = ()
    all_regions: bool = False
    exclude_regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    exclude_accounts: tuple[str, ...] = ()
    ous: tuple[str, ...] = ()

    @classmethod
    def read(cls, written: dict[str, Any]) -> "Settings":
        """Return what `written` wrote."""
        lists = {name: tuple(value) for name, value in written.items() if isinstance(value, list)}
        return cls(**(written | lists))

    def written(self) -> dict[str, Any]:
        """Return them as JSON has them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    def role_of(self, step: str) -> str:
        """Return the name of the role that a step's function assumes in each account."""
        return f"{self.role}-{step}"

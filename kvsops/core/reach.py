"""Where a policy holds: in which accounts, organizational units and regions."""

from dataclasses import dataclass
from typing import Final

from kvsops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Site:
    """An account and region, and the organizational units that the account is in, at any depth.

    None where that is not known.
    """

    account_id: str | None
    region: str
    organizational_units: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a policy holds; of what is empty, everywhere. All that is given must be met."""

    accounts: tuple[str, ...] = ()
    organizational_units: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def holds(self, site: Site) -> bool:
        """Whether it holds there; raises `UsageError` where it turns on what is not known."""
        if self.regions and site.region not in self.regions:
            return False
        if self.accounts and site.account_id not in self.accounts:
            return False
        if not self.organizational_units:
            return True
        if site.organizational_units is None:
            msg = "a policy names organizational-units, which only --organization-role tells"
            raise UsageError(msg)
        return not set(self.organizational_units).isdisjoint(site.organizational_units)


EVERYWHERE: Final = Reach()

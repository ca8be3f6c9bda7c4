"""The accounts that the emulator has, by their ids: the same ones at each start."""

from typing import Final

ACCOUNT_ID: Final = "123456789012"
"""The caller's own: that of credentials which moto did not make itself. With `--accounts`, the
organization's management account."""
SUSPENDED: Final = "299999999999"
"""An account beside the N of `--accounts N`, which was closed."""
MOST_ACCOUNTS: Final = 999
_FIRST_MEMBER: Final = 200_000_000_002


def account_ids(count: int) -> tuple[str, ...]:
    """Return the ids of so many accounts: the caller's own, then 200000000002 and so on."""
    return (ACCOUNT_ID, *(str(_FIRST_MEMBER + number) for number in range(count - 1)))

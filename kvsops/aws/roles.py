"""Roles of other accounts: their credentials, got by AssumeRole and renewed before they end.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
from typing import TYPE_CHECKING, Any, Final

from kvsops.aws.scope import Scope
from kvsops.core.account import RoleArn
from kvsops.errors import AwsError, DeniedError

if TYPE_CHECKING:
    from datetime import datetime

    from botocore.credentials import ReadOnlyCredentials

_SESSION: Final = re.compile(r"[^\w+=,.@-]+", re.ASCII)
LONGEST_SESSION: Final = 64
_MEMBERS: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def session_name(command: str, who: str) -> str:
    """Return the name under which CloudTrail shows the calls: `kvsops-sweep-ana@build7`.

    What STS does not take becomes a dash; of what is too long the end is kept, where a CI's run is.
    """
    head = _SESSION.sub("-", f"kvsops-{command}-")
    return head + _SESSION.sub("-", who)[-(LONGEST_SESSION - len(head)) :]


class AssumedRole:
    """A role's credentials, shared by all of its scopes; any thread may ask.

    `home` is the scope that assumes it: by its clock they are renewed, some minutes before they
    end. Raises `KvsopsError` where the role cannot be assumed, or is not of its account.
    """

    def __init__(
        self, home: Scope, role: RoleArn, session: str, external_id: str | None = None
    ) -> None:
        from botocore.credentials import RefreshableCredentials

        self.role = role
        self._home = home
        self._parameters: dict[str, Any] = {"RoleArn": str(role), "RoleSessionName": session}
        if external_id is not None:
            self._parameters["ExternalId"] = external_id
        renewable: Any = RefreshableCredentials
        first = self._assume()
        self._credentials: RefreshableCredentials = renewable(
            first["access_key"],
            first["secret_key"],
            first["token"],
            first["expires_at"],
            refresh_using=self._renew,
            method="kvsops-assume-role",
            time_fetcher=home.service_now,
        )

    def credentials(self) -> "ReadOnlyCredentials":
        """Return the credentials as they are now; raises `KvsopsError` if they are not renewed."""
        return self._credentials.get_frozen_credentials()

    def _renew(self) -> dict[str, Any]:
        """Return new credentials as botocore wants them."""
        found = self._assume()
        ends: datetime = found.pop("expires_at")
        return found | {"expiry_time": ends.isoformat()}

    def _assume(self) -> dict[str, Any]:
        try:
            answer = self._home.call("AssumeRole", **self._parameters)
        except DeniedError as error:
            if "explicitly denies" in str(error):
                raise
            known = " with this external ID" if "ExternalId" in self._parameters else ""
            may = f"it is not there, or does not trust the caller{known}"
            msg = f"{self.role} cannot be assumed: {may}, or sts:AssumeRole is not allowed"
            raise DeniedError(msg, error.code) from error
        self._check_account(answer)
        found = answer.get("Credentials") or {}
        if not all(found.get(name) for name in _MEMBERS):
            msg = f"AssumeRole failed for {self.role}: it gave no credentials"
            raise AwsError(msg, "UnreadableAnswerError")
        names = ("access_key", "secret_key", "token", "expires_at")
        return dict(zip(names, (found[name] for name in _MEMBERS), strict=True))

    def _check_account(self, answer: dict[str, Any]) -> None:
        """Refuse credentials of another account than the role's: nothing is done with them."""
        told = str((answer.get("AssumedRoleUser") or {}).get("Arn")).split(":")
        account = told[4] if len(told) > 5 else "nobody"  # noqa: PLR2004 - an ARN's six parts
        if account != self.role.account_id:
            msg = f"{self.role} gave credentials of {account}: refused"
            raise AwsError(msg, "WrongAccount")

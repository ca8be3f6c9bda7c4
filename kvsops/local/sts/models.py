"""moto's STS backend, whose roles in an organization must be there and trust who asks for them.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import json
import re
from datetime import timedelta
from typing import Any

from moto.core.exceptions import AccessDeniedError
from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, iam_backends
from moto.sts.exceptions import STSValidationError
from moto.sts.models import AssumedRole
from moto.sts.models import STSBackend as MotoSTSBackend

from kvsops.local import settings
from kvsops.local.organizations.models import organization
from kvsops.local.sts.sessions import Session
from kvsops.local.sts.trust import Asking, principal_of, trusts


class STSBackend(MotoSTSBackend):
    """moto's, where there is no organization."""

    SERVICE_NAMESPACE = "sts"

    def assume_trusting_role(
        self, access_key_id: str, role_arn: str, external_id: str | None, **asked: Any
    ) -> AssumedRole:
        """Assume a role that is there and trusts the caller; its credentials are good for a time.

        Raises AccessDenied, which does not tell the one from the other, and ValidationError.
        """
        region, duration = asked["region_name"], timedelta(seconds=asked["duration"])
        _, caller_arn, _ = self.get_caller_identity(access_key_id, region)
        role = self._role(role_arn)
        asking = self._asking(caller_arn, asked["role_session_name"], external_id)
        if role is None or not trusts(json.loads(role.assume_role_policy_document), asking):
            raise AccessDeniedError(caller_arn, f"sts:AssumeRole on resource: {role_arn}")
        if duration.total_seconds() > int(role.max_session_duration or 3600):
            raise STSValidationError(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        assumed = self.assume_role(role_arn=role_arn, external_id=external_id or "", **asked)
        remember(assumed, duration)
        return assumed

    def _role(self, role_arn: str) -> Role | None:
        """Return the role, if it is one of an active account."""
        found = re.match(r"arn:[a-z-]+:iam::([0-9]{12}):role/", role_arn)
        if found is None:
            raise STSValidationError("Request ARN is invalid")
        account_id = found[1]
        if not organization(self.partition).is_active(account_id):
            return None
        try:
            return iam_backends[account_id][self.partition].get_role_by_arn(role_arn)
        except NotFoundException:
            return None

    def _asking(self, arn: str, session_name: str, external_id: str | None) -> Asking:
        context = {
            "aws:PrincipalAccount": self.account_id,
            "aws:PrincipalArn": principal_of(arn),
            "aws:PrincipalOrgID": organization(self.partition).id,
            "sts:RoleSessionName": session_name,
        }
        return Asking(
            self.account_id, arn, context | ({"sts:ExternalId": external_id} if external_id else {})
        )


def remember(assumed: AssumedRole, duration: timedelta) -> None:
    """Make the credentials known, which end when the settings, or else the caller, want it."""
    active = settings.active()
    wanted = active.session_duration
    expires = active.signing_clock() + (duration if wanted is None else wanted)
    assumed.expiration = expires.replace(tzinfo=None)  # as moto has its times: in UTC, not saying
    active.sessions[assumed.access_key_id] = Session(
        assumed.account_id,
        assumed.arn,
        assumed.secret_access_key,
        assumed.session_token,
        expires,
    )

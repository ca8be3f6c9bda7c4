"""AssumeRole's parameters and answer, in moto's idiom."""

from typing import cast

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.sts.exceptions import STSValidationError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse as MotoTokenResponse

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.validation import validate
from kvsops.local.sts.models import STSBackend

DEFAULT_SECONDS = 3600


class TokenResponse(MotoTokenResponse):
    """moto's operations, with another AssumeRole where there is an organization."""

    @property
    def backend(self) -> STSBackend:
        """The backend of the caller's account."""
        return cast("STSBackend", sts_backends[self.current_account][self.partition])

    def assume_role(self) -> ActionResult:
        """AssumeRole."""
        if settings.active().accounts is None:
            return super().assume_role()
        asked = self._get_params()
        shape = get_service_model("sts").operation_model("AssumeRole").input_shape
        try:
            validate(shape, asked)
        except InvalidArgumentException as error:
            raise STSValidationError(error.message) from None
        role = self.backend.assume_trusting_role(
            self.access_key,
            asked["RoleArn"],
            asked.get("ExternalId"),
            region_name=self.region,
            role_session_name=asked["RoleSessionName"],
            policy=asked.get("Policy", ""),
            duration=asked.get("DurationSeconds", DEFAULT_SECONDS),
        )
        user = {"AssumedRoleId": role.user_id, "Arn": role.arn}
        return ActionResult({"Credentials": role, "AssumedRoleUser": user, "PackedPolicySize": 6})

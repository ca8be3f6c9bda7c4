"""The operations of Organizations that read, in moto's idiom."""

from typing import Any, Final

from moto.organizations.exceptions import InvalidInputException, OrganizationsClientError
from moto.organizations.responses import OrganizationsResponse as MotoOrganizationsResponse

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.model import service_model
from kvsops.local.api.validation import validate
from kvsops.local.organizations.models import OrganizationsBackend, organization

OPERATIONS: Final = frozenset(
    {
        "CloseAccount",
        "DescribeAccount",
        "DescribeOrganization",
        "DescribeOrganizationalUnit",
        "ListAccounts",
        "ListAccountsForParent",
        "ListChildren",
        "ListOrganizationalUnitsForParent",
        "ListParents",
        "ListRoots",
        "MoveAccount",
    }
)
"""Those that the emulator has."""
OF_MEMBERS: Final = frozenset({"DescribeOrganization"})
"""What other accounts than the management account may call."""
MAX_RESULTS: Final = 20
"""The most that a page may hold.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""


class OrganizationsResponse(MotoOrganizationsResponse):
    """moto's operations, for the management account, and in AWS's small pages."""

    @property
    def organizations_backend(self) -> OrganizationsBackend:
        """The organization's backend. Raises AccessDeniedException for who may not look at it."""
        action = self._get_action()
        found = organization(self.partition)
        if action not in OF_MEMBERS and self.current_account != found.account_id:
            raise OrganizationsClientError(
                "AccessDeniedException", "You don't have permissions to access this resource."
            )
        shape = service_model("organizations").operation_model(action).input_shape
        try:
            if shape is not None:
                validate(shape, self.request_params)
        except InvalidArgumentException as error:
            raise InvalidInputException(error.message) from None
        return found

    def _get_int_param(self, param_name: str, if_none: Any = None) -> Any:
        """Return a number; of results on a page, at most as many as AWS or the settings allow."""
        number = super()._get_int_param(param_name, if_none)
        if param_name != "MaxResults":
            return number
        return min(number or MAX_RESULTS, MAX_RESULTS, settings.active().page_limit)

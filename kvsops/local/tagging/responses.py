"""GetResources' parameters and answer, in moto's idiom."""

from typing import cast

from moto.core.responses import ActionResult
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
from moto.resourcegroupstaggingapi.models import resourcegroupstaggingapi_backends
from moto.resourcegroupstaggingapi.responses import (
    ResourceGroupsTaggingAPIResponse as MotoTaggingResponse,
)

from kvsops.local.tagging.models import ResourceGroupsTaggingAPIBackend

MAX_ARNS = 100
DEFAULT_RESOURCES_PER_PAGE = 100
"""AWS documents 1 to 100 and no default; the most is our assumption."""
_SCAN_PARAMETERS = (
    "PaginationToken",
    "ResourcesPerPage",
    "ResourceTypeFilters",
    "TagFilters",
    "TagsPerPage",
)


class ResourceGroupsTaggingAPIResponse(MotoTaggingResponse):
    """moto's operations with another GetResources."""

    @property
    def backend(self) -> ResourceGroupsTaggingAPIBackend:
        """The backend of the request's account and region."""
        of_account = resourcegroupstaggingapi_backends[self.current_account]
        return cast("ResourceGroupsTaggingAPIBackend", of_account[self.region])

    def get_resources(self) -> ActionResult:
        """GetResources: either for a list of ARNs, or in pages by filters."""
        arns = self._get_param("ResourceARNList", [])
        token = ""
        if arns:
            self._check_arn_list(arns)
            resources = list(self.backend.resources_by_arn(arns))
        else:
            resources, token = self.backend.scan(
                self._get_param("TagFilters", []),
                self._get_param("ResourceTypeFilters", []),
                self._get_param("PaginationToken"),
                self._in_range("ResourcesPerPage", 1, 100) or DEFAULT_RESOURCES_PER_PAGE,
                self._in_range("TagsPerPage", 100, 500),
            )
        found = [
            {
                "ResourceARN": resource.arn,
                "Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()],
            }
            for resource in resources
        ]
        return ActionResult({"ResourceTagMappingList": found, "PaginationToken": token})

    def _check_arn_list(self, arns: list[str]) -> None:
        if len(arns) > MAX_ARNS:
            raise _invalid(f"ResourceARNList can hold at most {MAX_ARNS} ARNs, not {len(arns)}.")
        for name in _SCAN_PARAMETERS:
            if self._get_param(name):
                raise _invalid(f"ResourceARNList and {name} cannot be given together.")

    def _in_range(self, name: str, lowest: int, highest: int) -> int | None:
        number = self._get_int_param(name)
        if number is not None and not lowest <= number <= highest:
            raise _invalid(f"{name} must be between {lowest} and {highest}.")
        return number


def _invalid(message: str) -> ResourceGroupsTaggingAPIError:
    return ResourceGroupsTaggingAPIError("InvalidParameterException", message)

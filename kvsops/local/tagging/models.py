"""GetResources as AWS documents it: by ARN without a scan, and in pages that can be asked again.

Source: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from threading import RLock
from typing import Any

from moto.core.resource_tagging import TaggedResource, iter_taggable_backends
from moto.kinesisvideo.exceptions import KinesisvideoClientError
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
from moto.resourcegroupstaggingapi.models import (
    ResourceGroupsTaggingAPIBackend as MotoTaggingBackend,
)

from kvsops.local.kinesisvideo.models import KinesisVideoBackend

_SCANS_KEPT = 8


class ResourceGroupsTaggingAPIBackend(MotoTaggingBackend):
    """moto's backend with another GetResources."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._scans: OrderedDict[str, list[TaggedResource]] = OrderedDict()
        self._scan_names = count(1)
        self._scan_lock = RLock()

    def resources_by_arn(self, arns: list[str]) -> Iterator[TaggedResource]:
        """Those of the ARNs that are tagged, or were; the others are left out, without an error."""
        for backend in iter_taggable_backends(self.account_id, self.region_name):
            mine = {arn for arn in arns if backend.owns_arn(arn)}
            if mine and isinstance(backend, KinesisVideoBackend):
                yield from backend.tagged_channels(mine)
            elif mine:
                yield from (r for r in backend.iter_tagged_resources() if r.arn in mine and r.tags)

    def tag_resources(
        self, resource_arns: list[str], tags: dict[str, str]
    ) -> dict[str, dict[str, Any]]:
        """Tag each of the ARNs; return why for those that it failed for."""
        tag = super().tag_resources
        return _failures(resource_arns, lambda arn: tag([arn], tags))

    def untag_resources(
        self, resource_arn_list: list[str], tag_keys: list[str]
    ) -> dict[str, dict[str, Any]]:
        """Take tags off each of the ARNs; return why for those that it failed for."""
        untag = super().untag_resources
        return _failures(resource_arn_list, lambda arn: untag([arn], tag_keys))

    def scan(
        self,
        tag_filters: list[dict[str, Any]],
        resource_type_filters: list[str],
        token: str | None,
        resources_per_page: int,
        tags_per_page: int | None,
    ) -> tuple[list[TaggedResource], str]:
        """One page of what meets the filters, and the next page's token, empty at the end.

        A scan is kept as it was at its first page, so no page changes what another one holds.
        """
        with self._scan_lock:
            name, start = self._place(token, tag_filters, resource_type_filters)
            found = self._scans[name]
            end = _page_end(found, start, resources_per_page, tags_per_page)
            return found[start:end], f"{name}.{end}" if end < len(found) else ""

    def _place(
        self, token: str | None, tag_filters: list[dict[str, Any]], type_filters: list[str]
    ) -> tuple[str, int]:
        """Return the scan a token belongs to (without one: a new scan), and where to go on."""
        if not token:
            name = str(next(self._scan_names))
            self._scans[name] = list(self._get_resources_generator(tag_filters, type_filters))
            if len(self._scans) > _SCANS_KEPT:
                self._scans.popitem(last=False)
            return name, 0
        name, _, position = token.partition(".")
        if name not in self._scans or not position.isdecimal():
            raise ResourceGroupsTaggingAPIError(
                "PaginationTokenExpiredException",
                "The pagination token is not valid, or not any more: begin again without one.",
            )
        return name, int(position)


def _failures(
    arns: list[str], change: Callable[[str], dict[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Change one resource after the other, and return the failures as the API has them."""
    failed: dict[str, dict[str, Any]] = {}
    for arn in arns:
        try:
            failed |= change(arn)
        except KinesisvideoClientError as error:
            failed[arn] = {
                "StatusCode": 400,
                "ErrorCode": "InvalidParameterException",
                "ErrorMessage": str(error.message),
            }
    return failed


def _page_end(found: list[TaggedResource], start: int, resources: int, max_tags: int | None) -> int:
    """Where a page ends that begins at `start`: full of resources, or of tags."""
    end, tags = start, 0
    for resource in found[start : start + resources]:
        tags += max(1, len(resource.tags))  # "a resource with no tags is counted as having one"
        if max_tags is not None and tags > max_tags and end > start:
            break
        end += 1
    return end

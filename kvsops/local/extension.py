"""Signaling channels installed in moto: the same code then serves `mock_aws` and the server."""

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict, BaseBackend
from moto.kinesisvideo.models import kinesisvideo_backends
from moto.organizations.models import organizations_backends
from moto.resourcegroupstaggingapi.models import resourcegroupstaggingapi_backends
from moto.sts.models import sts_backends

from kvsops.local.cloudwatch.models import CloudWatchBackend
from kvsops.local.kinesisvideo.models import KinesisVideoBackend
from kvsops.local.organizations.models import OrganizationsBackend
from kvsops.local.sts.models import STSBackend
from kvsops.local.tagging.models import ResourceGroupsTaggingAPIBackend


def install() -> None:
    """Make moto use our backends; calling it again does nothing.

    What moto's own backends of these services held before is lost.
    """
    _replace(cloudwatch_backends, CloudWatchBackend)
    _replace(kinesisvideo_backends, KinesisVideoBackend)
    _replace(organizations_backends, OrganizationsBackend)
    _replace(resourcegroupstaggingapi_backends, ResourceGroupsTaggingAPIBackend)
    _replace(sts_backends, STSBackend)


def _replace(backends: BackendDict[Any], backend: type[BaseBackend]) -> None:
    """Have moto make backends of this class when an account and region are first asked for."""
    if backends.backend is not backend:
        backends.backend = backend
        backends.clear()

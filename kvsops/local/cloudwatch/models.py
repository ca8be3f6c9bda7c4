"""moto's CloudWatch backend with our index beside it, in moto's idiom."""

from typing import cast

from moto.cloudwatch.models import CloudWatchBackend as MotoCloudWatchBackend
from moto.cloudwatch.models import cloudwatch_backends

from kvsops.local.cloudwatch.index import MetricIndex


class CloudWatchBackend(MotoCloudWatchBackend):
    """moto's alarms, dashboards and custom metrics, and the index of `AWS/KinesisVideo`."""

    SERVICE_NAMESPACE = "cloudwatch"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.index = MetricIndex()


def metrics(account_id: str, region: str) -> MetricIndex:
    """Return the index of an account and region."""
    return cast("CloudWatchBackend", cloudwatch_backends[account_id][region]).index

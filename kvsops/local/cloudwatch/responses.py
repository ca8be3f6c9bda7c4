"""The operations that touch `AWS/KinesisVideo`; all the others, and other namespaces, are moto's.

Pages hold our metrics first. Whoever asks for all namespaces gets moto's on pages of their own.
"""

import json
from datetime import UTC, datetime
from typing import Any, cast

from botocore import xform_name
from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse as MotoCloudWatchResponse
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionContext, ActionResult
from moto.core.serialize import JSONSerializer

from kvsops.local.cloudwatch.data import DataRequest
from kvsops.local.cloudwatch.index import NAMESPACE
from kvsops.local.cloudwatch.listing import ListRequest
from kvsops.local.cloudwatch.models import CloudWatchBackend
from kvsops.local.faults import strikes_query
from kvsops.local.settings import active

_OTHERS = "others"
"""The token of the page after our last one."""


class PlainResult(ActionResult):
    """A result that JSON takes as it is: moto goes value by value, in some ten times the time."""

    def execute_result(self, context: ActionContext) -> TYPE_RESPONSE:
        """Serialize it; in the query protocol as moto does."""
        if context.serializer_class is not JSONSerializer:
            return super().execute_result(context)
        body = json.dumps(self.result, separators=(",", ":"), default=_seconds)
        return 200, {"content-type": "application/x-amz-json-1.0"}, body.encode()


def _seconds(time: datetime) -> float:
    """Return a time of moto's, which has no zone and is UTC, as JSON has it."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _with_token(result: dict[str, object], token: str | None) -> PlainResult:
    return PlainResult({**result, "NextToken": token} if token else result)


class CloudWatchResponse(MotoCloudWatchResponse):
    """moto's operations, with the service's own metrics from our index."""

    @property
    def cloudwatch_backend(self) -> CloudWatchBackend:
        """The backend of the request's account and region."""
        backend = cloudwatch_backends[self.current_account][self.region]
        return cast("CloudWatchBackend", backend)

    def get_metric_data(self) -> ActionResult:
        """GetMetricData."""
        asked = self._get_params()
        request = DataRequest.parse(asked)
        results, token = request.results(self.cloudwatch_backend.index)
        if not request.token:
            results += self._results_of_others(request, asked)
        order = {query.id: place for place, query in enumerate(request.queries)}
        results.sort(key=lambda result: order[result["Id"]])
        settings = active()
        for result in results:
            if strikes_query(
                settings.faults,
                "GetMetricData",
                settings.random,
                self.current_account,
                self.region,
            ):
                result |= {"StatusCode": "InternalError", "Timestamps": [], "Values": []}
        return _with_token({"MetricDataResults": results}, token)

    def _results_of_others(
        self, request: DataRequest, asked: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return moto's results for other namespaces."""
        every = zip(asked["MetricDataQueries"], request.queries, strict=True)
        others = [raw for raw, query in every if not query.ours]
        if not others:
            return []
        results = self.cloudwatch_backend.get_metric_data(
            start_time=asked["StartTime"],
            end_time=asked["EndTime"],
            queries=others,
            scan_by=asked.get("ScanBy") or "TimestampDescending",
        )
        names = ("Id", "Label", "Timestamps", "Values", "StatusCode")
        return [{name: result[xform_name(name)] for name in names} for result in results]

    def list_metrics(self) -> ActionResult:
        """ListMetrics."""
        asked = self._get_params()
        request, token = ListRequest.parse(asked), asked.get("NextToken")
        if (
            request.namespace not in (None, NAMESPACE)
            or token in self.cloudwatch_backend.paged_metric_data
        ):
            return super().list_metrics()
        if token == _OTHERS and request.namespace is None:
            asked["NextToken"] = None
            return super().list_metrics()
        found, token = request.page(self.cloudwatch_backend.index)
        if token is None and request.namespace is None and self.cloudwatch_backend.metric_data:
            token = _OTHERS
        return _with_token({"Metrics": found}, token)

    def put_metric_data(self) -> ActionResult:
        """PutMetricData: only the service itself puts data where its own metrics are."""
        if self._get_param("Namespace") == NAMESPACE:
            raise InvalidParameterValue(
                f"The value {NAMESPACE} for parameter Namespace is invalid: it is AWS's."
            )
        return super().put_metric_data()

    def get_metric_statistics(self) -> ActionResult:
        """GetMetricStatistics, of other namespaces: moto would find nothing in ours."""
        if self._get_param("Namespace") == NAMESPACE:
            raise ValidationError(
                f"kvsops local answers for {NAMESPACE} with GetMetricData, not this operation."
            )
        return super().get_metric_statistics()

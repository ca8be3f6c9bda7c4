"""The operations that touch `AWS/KinesisVideo`; all the others, and other namespaces, are moto's.

Pages hold our metrics first. Whoever asks for all namespaces gets moto's on pages of their own.
"""

from typing import Any, cast

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse as MotoCloudWatchResponse
from moto.core.responses import ActionResult

from kvsops.local.cloudwatch.data import DataRequest
from kvsops.local.cloudwatch.index import NAMESPACE
from kvsops.local.cloudwatch.listing import ListRequest
from kvsops.local.cloudwatch.models import CloudWatchBackend

_OTHERS = "others"
"""The token of the page after our last one."""


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
        return ActionResult({"MetricDataResults": results, "NextToken": token})

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
        return [{"Id": result["id"], **result} for result in results]

    def list_metrics(self) -> ActionResult:
        """ListMetrics."""
        asked = self._get_params()
        request, token = ListRequest.parse(asked), asked.get("NextToken")
        if request.namespace not in (None, NAMESPACE) or token in self._tokens_of_others:
            return super().list_metrics()
        if token == _OTHERS and request.namespace is None:
            asked["NextToken"] = None
            return super().list_metrics()
        found, token = request.page(self.cloudwatch_backend.index)
        if token is None and request.namespace is None and self.cloudwatch_backend.metric_data:
            token = _OTHERS
        return ActionResult({"Metrics": found, "NextToken": token})

    @property
    def _tokens_of_others(self) -> dict[str, Any]:
        return self.cloudwatch_backend.paged_metric_data

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

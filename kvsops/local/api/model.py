"""The operations of botocore's service models."""

from functools import cache

from botocore.model import OperationModel
from moto.core.utils import get_service_model


@cache
def operations(service: str) -> dict[str, OperationModel]:
    """Return the operations of a service, by botocore's name, by the path of their request."""
    model = get_service_model(service)
    named = (model.operation_model(name) for name in model.operation_names)
    return {operation.http["requestUri"]: operation for operation in named}

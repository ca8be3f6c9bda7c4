"""botocore's models of the services, and the operations in them.

One thread at a time asks for them: moto reads a model when it is first asked for, and each thread
that asks meanwhile would read it again, by way of all that botocore has. Of dozens that take turns
at that, none is done for seconds.
"""

from functools import cache
from threading import RLock
from typing import Final

from botocore.model import OperationModel, ServiceModel
from moto.core.utils import get_service_model

ALONE: Final = RLock()
"""Held by who has moto read a model."""


def service_model(service: str) -> ServiceModel:
    """Return the model of a service, by botocore's name."""
    with ALONE:
        return get_service_model(service)


def operations(service: str) -> dict[str, OperationModel]:
    """Return the operations of a service, by botocore's name, by the path of their request."""
    with ALONE:
        return _operations(service)


@cache
def _operations(service: str) -> dict[str, OperationModel]:
    model = service_model(service)
    named = (model.operation_model(name) for name in model.operation_names)
    return {operation.http["requestUri"]: operation for operation in named}

"""The engine installed in moto, for `mock_aws`."""

from collections.abc import Mapping

from moto.awslambda_simple.models import lambda_simple_backends
from moto.cloudformation import parsing

from kvsops.local.engine import resources
from kvsops.local.engine.functions import Code, LambdaBackend


def install(code: Mapping[str, Code]) -> None:
    """Let Lambda functions run this code, by their handlers, and stacks have what moto lacks.

    `mock_aws` has to be told `{"lambda": {"use_docker": False}}`, and that state machines are
    carried out.
    """
    LambdaBackend.code = dict(code)
    lambda_simple_backends.backend = LambdaBackend
    lambda_simple_backends.clear()
    for made in (resources.StateMachine, resources.Schedule):
        parsing.get_model_map()[made.cloudformation_type()] = made
        parsing.get_name_type_map()[made.cloudformation_type()] = made.cloudformation_name_type()

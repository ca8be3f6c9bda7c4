"""What a run itself spent on CloudWatch."""

from kvsops.aws.activity import CLOUDWATCH_CALLS, own_cost
from kvsops.aws.scope import Scope
from kvsops.output.console import Console


def tell_own_cost(scope: Scope, console: Console) -> None:
    """Say how many metrics were read, and what that costs."""
    calls, cost = sum(scope.calls[name] for name in CLOUDWATCH_CALLS), own_cost(scope)
    metrics = scope.metric_budget.asked
    console.note(f"own cost: {metrics:,} metrics in {calls:,} calls, ${cost:.4f} at most")

"""The state machine of a deployed sweep, in Amazon States Language.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from typing import Any, Final

from kvsops.fleet.deploy.settings import Settings

PLANNING_AT_ONCE: Final = 100
"""Scopes that are planned at once: their quotas are apart, and planning only reads."""

State = dict[str, Any]

# The function did not run, or not to its end, for a reason that is the service's own. What was
# deleted by a run of it that ended is found again by its outcome.
# Source: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
_RETRY: Final = [
    {
        "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        ],
        "IntervalSeconds": 2,
        "MaxAttempts": 6,
        "BackoffRate": 2,
        "JitterStrategy": "FULL",
    }
]


def definition(settings: Settings, deleting_at_once: int) -> State:
    """Return the definition; `${…}` in it are the stack's own names, which CloudFormation fills in.

    Without `settings.deletes` there is no state that deletes.
    """
    states: dict[str, State] = {
        "Begin": {
            "Type": "Pass",
            "Comment": "What the execution was started with is left out",
            "Parameters": {"run.$": "$$.Execution.Name", "settings": settings.written()},
            "Next": "List",
        },
        "List": _task("list", "$.listed", "Plan"),
        "Plan": _map("plan", "places", PLANNING_AT_ONCE, "EXPRESS") | {"Next": "Fuse"},
        "Fuse": _task("fuse", "$.fuse", "Deletes" if settings.deletes else "Total"),
        "Total": _task("total", "$.total", "Whole"),
        "Whole": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.error", "IsPresent": True, "Next": "Failed"}],
            "Default": "Done",
        },
        "Failed": {"Type": "Fail", "Error": "Failed", "Cause": "See the message of the run"},
        "Done": {"Type": "Pass", "OutputPath": "$.total.of", "End": True},
    }
    if settings.deletes:
        states["Deletes"] = {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fuse.of.delete", "BooleanEquals": True, "Next": "Delete"}],
            "Default": "Total",
        }
        states["Delete"] = _map("delete", "doomed", deleting_at_once, "STANDARD") | {
            "Next": "Total"
        }
    return {
        "Comment": "kvsops sweep, over an organization",
        "StartAt": "Begin",
        "States": states,
    }


def _invoke(step: str) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:${AWS::Partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": f"${{{step.title()}Function.Arn}}", "Payload.$": "$"},
        "Retry": _RETRY,
    }


def _task(step: str, path: str, following: str) -> State:
    """Return a step of the whole run; where it fails, what is known so far is added up and told."""
    state = _invoke(step) | {
        "ResultSelector": {"of.$": "$.Payload"},
        "ResultPath": path,
        "Next": following,
    }
    if step == "total":
        return state | {"ResultPath": path}
    return state | {"Catch": _catch()}


def _catch() -> list[State]:
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Total"}]


def _map(step: str, items: str, at_once: int, kind: str) -> State:
    """Return a step of each place: its function is given the place, and the run's settings."""
    return {
        "Type": "Map",
        "Label": step.title(),
        "MaxConcurrency": at_once,
        "ToleratedFailurePercentage": 100.0,
        "ItemReader": {
            "Resource": "arn:${AWS::Partition}:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {
                "Bucket": "${Bucket}",
                "Key.$": f"States.Format('runs/{{}}/{items}.json', $.run)",
            },
        },
        "ItemSelector": {
            "place.$": "$$.Map.Item.Value",
            "run.$": "$.run",
            "settings.$": "$.settings",
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
            "StartAt": f"{step.title()}Place",
            "States": {
                f"{step.title()}Place": _invoke(step) | {"OutputPath": "$.Payload", "End": True}
            },
        },
        "ResultWriter": {
            "Resource": "arn:${AWS::Partition}:states:::s3:putObject",
            "Parameters": {
                "Bucket": "${Bucket}",
                "Prefix.$": f"States.Format('runs/{{}}/results/{step}', $$.Execution.Name)",
            },
        },
        "ResultPath": f"$.{items}",
        "Catch": _catch(),
    }

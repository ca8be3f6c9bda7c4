"""The roles of a deployed sweep: what each step may do, and the roles of the member accounts."""

import re
from typing import Any, Final

from kvsops.aws.iam import Grant, action_of, document
from kvsops.fleet.deploy.settings import Settings

Data = dict[str, Any]

_ORGANIZATION: Final = ("ListAccounts", "ListAccountsForParent", "ListOrganizationalUnitsForParent")
"""Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html"""


def named(value: Any) -> Any:
    """Return the data with each text in it that names what is the stack's made to be filled in."""
    if isinstance(value, dict):
        return {key: named(each) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each) for each in value]
    return {"Fn::Sub": value} if isinstance(value, str) and "${" in value else value


def role(service: str, wanted: set[Grant], name: str | None = None) -> Data:
    """Return the role that a service takes on, which may do what is granted and no more."""
    trust = _trust({"Service": service})
    if service != "lambda.amazonaws.com":  # which tells no account
        trust["Statement"][0]["Condition"] = {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
    return _role(trust, document(wanted), name)


def of_function(step: str, settings: Settings, topic: str) -> set[Grant]:
    """Return what a step's function may do: its log, its part of the bucket, the members' role."""
    return _logs(f"/aws/lambda/{settings.role}-{step}") | _OF_STEPS[step](settings, topic)


def of_machine(settings: Settings) -> set[Grant]:
    """Return what the state machine may do: call the functions, run its maps, read and write.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """
    place = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
    machine, steps = settings.role, ["list", "plan", "fuse", "total"]
    functions = [*steps, "delete"] if settings.deletes else steps
    runs = [place % ("states", f"execution:{machine}{each}") for each in (":*", "/*")]
    results = "${Bucket.Arn}/runs/*"
    return {
        *(
            Grant("lambda:InvokeFunction", place % ("lambda", f"function:{machine}-{each}"))
            for each in functions
        ),
        Grant("states:StartExecution", place % ("states", f"stateMachine:{machine}")),
        *(Grant("states:DescribeExecution", each) for each in runs),
        *(Grant("states:StopExecution", each) for each in runs),
        Grant("s3:GetObject", results),
        Grant("s3:PutObject", results),
        Grant("s3:ListMultipartUploadParts", results),
        Grant("s3:AbortMultipartUpload", results),
    }


def of_schedule() -> set[Grant]:
    """Return what the schedule may do."""
    return {Grant("states:StartExecution", "${Machine}")}


def members(settings: Settings, hub_account: str, reading: Data, deleting: Data | None) -> Data:
    """Return the template of the roles in each account, for a StackSet.

    Each trusts one function of the hub's account: that which plans gets a role without any right
    to write. It is named in a condition, so that the roles may be there before it is.
    """
    documents = {"plan": _anywhere(reading), "delete": deleting and _anywhere(deleting)}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What kvsops sweep, in account {hub_account}, may do here",
        "Resources": {
            f"{step.title()}Role": _role(
                _trusting(hub_account, settings.role_of(f"{step}-function")),
                allowed,
                settings.role_of(step),
            )
            for step, allowed in documents.items()
            if allowed is not None
        },
    }


def _anywhere(allowed: Any) -> Any:
    """Return a policy's data for whichever partition the stack is in."""
    if isinstance(allowed, dict):
        return {key: _anywhere(each) for key, each in allowed.items()}
    if isinstance(allowed, list):
        return [_anywhere(each) for each in allowed]
    return re.sub(r"^arn:aws:", "arn:${AWS::Partition}:", allowed)


def _trusting(account: str, function_role: str) -> Data:
    trust = _trust({"AWS": f"arn:${{AWS::Partition}}:iam::{account}:root"})
    function = f"arn:${{AWS::Partition}}:iam::{account}:role/{function_role}"
    trust["Statement"][0]["Condition"] = {"ArnEquals": {"aws:PrincipalArn": function}}
    return trust


def _trust(principal: Data) -> Data:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _role(trust: Data, allowed: Data, name: str | None) -> Data:
    properties = {
        "AssumeRolePolicyDocument": named(trust),
        "Policies": [{"PolicyName": "kvsops", "PolicyDocument": named(allowed)}],
    }
    named_so = {"RoleName": name} if name else {}
    return {"Type": "AWS::IAM::Role", "Properties": named_so | properties}


def _logs(group: str) -> set[Grant]:
    streams = (
        f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{group}:*"
    )
    return {Grant("logs:CreateLogStream", streams), Grant("logs:PutLogEvents", streams)}


def _in_bucket(*grants: tuple[str, str]) -> set[Grant]:
    return {Grant(action_of(operation), f"${{Bucket.Arn}}{under}") for operation, under in grants}


def _assuming(settings: Settings, step: str) -> set[Grant]:
    role_arn = f"arn:${{AWS::Partition}}:iam::*:role/{settings.role_of(step)}"
    return {Grant("sts:AssumeRole", role_arn)}


def _list(_settings: Settings, _topic: str) -> set[Grant]:
    listing = {Grant(f"organizations:{each}", "*") for each in _ORGANIZATION}
    written = [("PutObject", f"/runs/*/{each}.json") for each in ("places", "missed")]
    return listing | _in_bucket(*written)


def _plan(settings: Settings, _topic: str) -> set[Grant]:
    return _assuming(settings, "plan") | _in_bucket(("PutObject", "/runs/*/plans/*"))


def _fuse(_settings: Settings, _topic: str) -> set[Grant]:
    written = [("PutObject", f"/runs/*/{each}.json") for each in ("planned", "doomed")]
    return _reading() | _in_bucket(*written)


def _delete(settings: Settings, _topic: str) -> set[Grant]:
    kept = ("/runs/*/outcomes/*", "/journals/*", "/lines/*")
    written = _in_bucket(*(("PutObject", under) for under in kept))
    return _assuming(settings, "delete") | _reading() | written


def _total(_settings: Settings, topic: str) -> set[Grant]:
    kept = ("/runs/*/total.json", "/journals/*/recovered.jsonl")
    written = _in_bucket(*(("PutObject", under) for under in kept))
    lines = _in_bucket(("GetObject", "/lines/*"))
    return _reading() | lines | written | {Grant("sns:Publish", topic)}


def _reading() -> set[Grant]:
    """Who may list the bucket is told that an object is not there, not that it may not be read."""
    return {Grant("s3:ListBucket", "${Bucket.Arn}")} | _in_bucket(("GetObject", "/runs/*"))


_OF_STEPS: Final = {
    "list": _list,
    "plan": _plan,
    "fuse": _fuse,
    "delete": _delete,
    "total": _total,
}

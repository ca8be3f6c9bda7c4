"""The stack of a deployed sweep, as data: an AWS CloudFormation template.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from kvsops.fleet.deploy import roles
from kvsops.fleet.deploy.machine import definition
from kvsops.fleet.deploy.settings import FUNCTIONS, Settings

LARGEST: Final = 51_200
"""Bytes that a template may have that is sent as it is, and not from a bucket.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""
LONGEST_ALARM: Final = timedelta(days=7)
"""How far an alarm with periods of an hour may look back.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""
HANDLERS: Final = "kvsops.fleet.deploy.handler"
RUNTIME: Final = "python3.12"

_SECONDS: Final = {"list": 900, "plan": 290, "fuse": 900, "delete": 900, "total": 900}
"""How long a function may run; a plan less than the 5 minutes of an express execution.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""
_MEGABYTES: Final = {"list": 512, "plan": 512, "fuse": 1024, "delete": 512, "total": 1024}

Data = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a stack is written from beside the settings: where its code is, when it runs, who hears.

    `alarm_after` is how long it may not have run through before an alarm; None for no alarm.
    `topic` is one that there is already; else the stack makes one, and mails to `email`.
    """

    settings: Settings
    schedule: str
    alarm_after: timedelta | None
    deleting_at_once: int
    code_bucket: str | None = None
    code_key: str | None = None
    email: str | None = None
    topic: str | None = None


def hub(stack: Stack) -> Data:
    """Return the template for the one account that the sweep runs in."""
    functions = [name for name in FUNCTIONS if name != "delete" or stack.settings.deletes]
    resources: Data = {**_bucket(), **_topic(stack)}
    for name in functions:
        resources |= _function(name, stack)
    resources |= _machine(stack) | _schedule()
    if stack.alarm_after is not None:
        resources["NotRun"] = _alarm(stack)
    what = "deletes" if stack.settings.deletes else "only tells what it would delete"
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"kvsops sweep over an organization: {what}",
        "Parameters": _parameters(stack),
        "Resources": resources,
        "Outputs": {
            "Bucket": {"Description": "Journals and results", "Value": {"Ref": "Bucket"}},
            "StateMachine": {"Description": "Start it to run now", "Value": {"Ref": "Machine"}},
            "Topic": {"Description": "Tells what failed", "Value": _topic_arn(stack)},
        },
    }


def written(template: Mapping[str, Any]) -> str:
    """Return the template as it is printed: JSON, which CloudFormation reads like YAML."""
    return json.dumps(template, indent=1) + "\n"


def _parameters(stack: Stack) -> Data:
    def text(what: str, default: str | None = None) -> Data:
        given = {} if default is None else {"Default": default}
        return {"Type": "String", "Description": what, **given}

    return {
        "CodeBucket": text("Bucket of the functions' package, in this region", stack.code_bucket),
        "CodeKey": text("Key of the functions' package", stack.code_key),
        "Schedule": text("When it runs: rate(…) or cron(…), in UTC", stack.schedule),
        "ScheduleState": text("DISABLED to start it by hand only", "ENABLED")
        | {"AllowedValues": ["ENABLED", "DISABLED"]},
        "KeepDays": {
            "Type": "Number",
            "Description": "Days until journals and results are deleted",
            "Default": 365,
            "MinValue": 1,
        },
    }


def _bucket() -> Data:
    """Return the bucket that journals and results go to; it outlives the stack."""
    expiry = {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": {"Ref": "KeepDays"}}
    older = {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
    parts = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    secure = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": roles.named(["${Bucket.Arn}", "${Bucket.Arn}/*"]),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    properties = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            ]
        },
        "LifecycleConfiguration": {"Rules": [expiry | older | parts]},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {
        "Bucket": {"Type": "AWS::S3::Bucket", **kept, "Properties": properties},
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [secure]},
            },
        },
    }


def _topic(stack: Stack) -> Data:
    if stack.topic is not None:
        return {}
    mails = [{"Protocol": "email", "Endpoint": stack.email}] if stack.email else []
    properties = {"Subscription": mails} if mails else {}
    return {"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}}


def _topic_arn(stack: Stack) -> Any:
    return stack.topic or {"Ref": "Topic"}


def _function(name: str, stack: Stack) -> Data:
    """Return a function, the role it runs by, and where its log goes."""
    title, role = name.title(), stack.settings.role_of(f"{name}-function")
    log = f"/aws/lambda/{stack.settings.role}-{name}"
    topic = stack.topic or "${Topic}"
    return {
        f"{title}Log": {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {"LogGroupName": log, "RetentionInDays": 90},
        },
        f"{title}Role": roles.role(
            "lambda.amazonaws.com",
            roles.of_function(name, stack.settings, topic),
            role,
        ),
        f"{title}Function": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": [f"{title}Log"],
            "Properties": {
                "FunctionName": f"{stack.settings.role}-{name}",
                "Code": {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
                "Handler": f"{HANDLERS}.on_{name}",
                "Runtime": RUNTIME,
                "Architectures": ["x86_64"],
                "MemorySize": _MEGABYTES[name],
                "Timeout": _SECONDS[name],
                "Role": {"Fn::GetAtt": [f"{title}Role", "Arn"]},
                "Environment": {
                    "Variables": {
                        "KVSOPS_BUCKET": {"Ref": "Bucket"},
                        "KVSOPS_TOPIC": _topic_arn(stack),
                    }
                },
            },
        },
    }


def _machine(stack: Stack) -> Data:
    settings = stack.settings
    begun = definition(settings, stack.deleting_at_once)
    # JSON's own way to write what `Fn::Sub` would take for a name of the stack's.
    policy, safe = json.dumps(settings.policy), json.dumps(settings.policy).replace("$", r"\u0024")
    text = json.dumps(begun, separators=(",", ":")).replace(policy, safe)
    return {
        "MachineRole": roles.role("states.amazonaws.com", roles.of_machine(settings)),
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": settings.role,
                "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
                "DefinitionString": {"Fn::Sub": text},
            },
        },
    }


def _schedule() -> Data:
    return {
        "ScheduleRole": roles.role("scheduler.amazonaws.com", roles.of_schedule()),
        "Schedules": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "ScheduleExpression": {"Ref": "Schedule"},
                "State": {"Ref": "ScheduleState"},
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Ref": "Machine"},
                    "RoleArn": {"Fn::GetAtt": ["ScheduleRole", "Arn"]},
                },
            },
        },
    }


def _alarm(stack: Stack) -> Data:
    """Return what tells that no run came to its end: in none of the hours did one succeed."""
    hours = int((stack.alarm_after or LONGEST_ALARM) / timedelta(hours=1))
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f"No run of kvsops sweep came to its end in {hours} hours",
            "AlarmActions": [_topic_arn(stack)],
            "Namespace": "AWS/States",
            "MetricName": "ExecutionsSucceeded",
            "Dimensions": [{"Name": "StateMachineArn", "Value": {"Ref": "Machine"}}],
            "Statistic": "Sum",
            "Period": 3600,
            "EvaluationPeriods": hours,
            "DatapointsToAlarm": hours,
            "ComparisonOperator": "LessThanThreshold",
            "Threshold": 1,
            "TreatMissingData": "breaching",
        },
    }

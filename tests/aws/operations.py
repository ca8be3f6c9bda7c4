"""Every operation that is called, with parameters that it takes; and which of them write."""

from typing import Any

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/a/1"
STREAM = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/a/1"
PARAMETERS: dict[str, dict[str, Any]] = {
    "CreateSignalingChannel": {"ChannelName": "new"},
    "DeleteSignalingChannel": {"ChannelARN": ARN},
    "DescribeMappedResourceConfiguration": {"StreamARN": STREAM},
    "DescribeMediaStorageConfiguration": {"ChannelARN": ARN},
    "DescribeStreamStorageConfiguration": {"StreamARN": STREAM},
    "DescribeSignalingChannel": {"ChannelARN": ARN},
    "GetSignalingChannelEndpoint": {"ChannelARN": ARN},
    "ListSignalingChannels": {},
    "ListStreams": {},
    "ListTagsForResource": {"ResourceARN": ARN},
    "ListTagsForStream": {"StreamARN": STREAM},
    "TagResource": {"ResourceARN": ARN, "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"ResourceARN": ARN, "TagKeyList": ["k"]},
    "UpdateMediaStorageConfiguration": {
        "ChannelARN": ARN,
        "MediaStorageConfiguration": {"Status": "DISABLED"},
    },
    "UpdateSignalingChannel": {"ChannelARN": ARN, "CurrentVersion": "v"},
    "GetResources": {"ResourceARNList": [ARN]},
    "AssumeRole": {
        "RoleArn": "arn:aws:iam::222222222222:role/a",
        "RoleSessionName": "kvsops-list-ana",
    },
    "GetCallerIdentity": {},
}
WRITES = [
    "CreateSignalingChannel",
    "DeleteSignalingChannel",
    "TagResource",
    "UntagResource",
    "UpdateMediaStorageConfiguration",
    "UpdateSignalingChannel",
]
READS = sorted(PARAMETERS.keys() - set(WRITES))

"""Each operation that is called: its service, its documented quota, and whether it writes.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""

from dataclasses import dataclass
from typing import Final

KINESIS_VIDEO: Final = "kinesisvideo"
SIGNALING: Final = "kinesis-video-signaling"
TAGGING: Final = "resourcegroupstaggingapi"
STS: Final = "sts"
CLOUDWATCH: Final = "cloudwatch"
PRICING: Final = "pricing"
S3: Final = "s3"
SNS: Final = "sns"
ORGANIZATIONS: Final = "organizations"

IAM_PREFIXES: Final = {
    KINESIS_VIDEO: "kinesisvideo",
    SIGNALING: "kinesisvideo",
    TAGGING: "tag",
    STS: "sts",
    CLOUDWATCH: "cloudwatch",
    PRICING: "pricing",
    S3: "s3",
    SNS: "sns",
    ORGANIZATIONS: "organizations",
}

READING: Final = ("AssumeRole", "Describe", "Get", "List")
"""What the names of operations that change nothing begin with."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation's service (as botocore names it) and its quota for the account, in calls/s.

    Where AWS documents no quota the figure is our own restraint, and the throttle is obeyed.
    `needs` are the members without which its answer tells nothing.
    """

    service: str
    per_second: float
    documented: bool = True
    needs: tuple[str, ...] = ()


OPERATIONS: Final = {
    "CreateSignalingChannel": Operation(KINESIS_VIDEO, 50, needs=("ChannelARN",)),
    "DeleteSignalingChannel": Operation(KINESIS_VIDEO, 50),
    "DescribeMediaStorageConfiguration": Operation(
        KINESIS_VIDEO, 50, needs=("MediaStorageConfiguration",)
    ),
    "DescribeSignalingChannel": Operation(KINESIS_VIDEO, 300, needs=("ChannelInfo",)),
    "GetIceServerConfig": Operation(SIGNALING, 100, needs=("IceServerList",)),
    "GetSignalingChannelEndpoint": Operation(KINESIS_VIDEO, 300, needs=("ResourceEndpointList",)),
    "ListSignalingChannels": Operation(KINESIS_VIDEO, 50, needs=("ChannelInfoList",)),
    "ListTagsForResource": Operation(KINESIS_VIDEO, 50),
    # Of streams: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html
    # The storage tier's rate is not there: it is taken for that of DescribeStream, its sibling.
    "DescribeStreamStorageConfiguration": Operation(
        KINESIS_VIDEO, 300, documented=False, needs=("StreamStorageConfiguration",)
    ),
    "DescribeMappedResourceConfiguration": Operation(
        KINESIS_VIDEO, 50, needs=("MappedResourceConfigurationList",)
    ),
    "ListStreams": Operation(KINESIS_VIDEO, 50, needs=("StreamInfoList",)),
    "ListTagsForStream": Operation(KINESIS_VIDEO, 50),
    "TagResource": Operation(KINESIS_VIDEO, 50),
    "UntagResource": Operation(KINESIS_VIDEO, 50),
    "UpdateMediaStorageConfiguration": Operation(KINESIS_VIDEO, 10),
    "UpdateSignalingChannel": Operation(KINESIS_VIDEO, 50),
    "GetResources": Operation(TAGGING, 20, documented=False, needs=("ResourceTagMappingList",)),
    "GetCallerIdentity": Operation(STS, 10, documented=False),
    # 600 a second for all of STS together, of which we leave half to others.
    # Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    "AssumeRole": Operation(STS, 300),
    # Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    "ListAccounts": Operation(ORGANIZATIONS, 8, needs=("Accounts",)),
    "ListAccountsForParent": Operation(ORGANIZATIONS, 5, needs=("Accounts",)),
    "ListOrganizationalUnitsForParent": Operation(ORGANIZATIONS, 5, needs=("OrganizationalUnits",)),
    "GetMetricData": Operation(CLOUDWATCH, 20, documented=False, needs=("MetricDataResults",)),
    "ListMetrics": Operation(CLOUDWATCH, 20, documented=False, needs=("Metrics",)),
    # The least of all regions': https://docs.aws.amazon.com/general/latest/gr/sns.html
    "Publish": Operation(SNS, 300, needs=("MessageId",)),
    "GetProducts": Operation(PRICING, 5, documented=False, needs=("PriceList",)),
    # For each prefix: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
    "GetObject": Operation(S3, 5_500),
    "ListObjectsV2": Operation(S3, 5_500),
    "PutObject": Operation(S3, 3_500),
}

ROWS: Final = {
    "GetMetricData": ("MetricDataResults", ("Id",)),
    "GetResources": ("ResourceTagMappingList", ("ResourceARN", "Tags")),
    "ListSignalingChannels": ("ChannelInfoList", ("ChannelName", "ChannelARN")),
    "ListStreams": ("StreamInfoList", ("StreamName", "StreamARN")),
}
"""Where an operation answers in rows, each of which may be wrong by itself, and what names one."""


def channel_quota(region: str) -> int:
    """Return how many channels an account may have in the region, unless AWS raised it."""
    return 10_000 if region in ("us-east-1", "us-west-2") else 5_000


def writes(operation: str) -> bool:
    """Whether the operation may change something: any that is not known by its name to read."""
    return not operation.startswith(READING)

"""The service's documented quotas, and the token buckets that enforce them.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

_FORGET_AFTER = timedelta(seconds=5)
_BUCKETS_BEFORE_FORGETTING = 20_000


@dataclass(frozen=True)
class Quota:
    """Calls per second of one operation: in an account and region, and on one channel or stream."""

    account: int | None = None
    channel: int | None = None


QUOTAS = {
    "ConnectAsMaster": Quota(channel=3),
    "ConnectAsViewer": Quota(channel=3),
    "CreateSignalingChannel": Quota(account=50),
    "DeleteSignalingChannel": Quota(account=50, channel=5),
    "DescribeMediaStorageConfiguration": Quota(account=50, channel=5),
    "DescribeSignalingChannel": Quota(account=300, channel=5),
    "GetIceServerConfig": Quota(account=100, channel=5),
    "GetSignalingChannelEndpoint": Quota(account=300),
    "ListSignalingChannels": Quota(account=50),
    "ListTagsForResource": Quota(account=50, channel=5),
    "SendAlexaOfferToMaster": Quota(account=100, channel=5),
    "TagResource": Quota(account=50, channel=5),
    "UntagResource": Quota(account=50, channel=5),
    "UpdateMediaStorageConfiguration": Quota(account=10, channel=5),
    "UpdateSignalingChannel": Quota(account=50, channel=5),
    # Streams, by https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html
    "CreateStream": Quota(account=50),
    "DeleteStream": Quota(account=50, channel=5),
    "DescribeMappedResourceConfiguration": Quota(account=50, channel=5),
    "DescribeStream": Quota(account=300, channel=5),
    "ListStreams": Quota(account=50),
    "ListTagsForStream": Quota(account=50, channel=5),
    "TagStream": Quota(account=50, channel=5),
    "UntagStream": Quota(account=50, channel=5),
    "UpdateDataRetention": Quota(account=50, channel=5),
}
"""Calls per second by operation. An operation that is not here is not limited."""

LARGE_REGIONS = frozenset({"us-east-1", "us-west-2"})
"""The regions with the larger quota of channels."""


def channel_quota(region: str) -> int:
    """Return the documented number of signaling channels in one account and this region."""
    return 10_000 if region in LARGE_REGIONS else 5_000


class Bucket:
    """Holds at most one second's calls, which is our assumption: AWS documents no burst."""

    def __init__(self, rate: float, now: datetime) -> None:
        self.rate = rate
        self.tokens = self.most = max(1.0, rate)
        self.at = now

    def refill(self, now: datetime) -> None:
        """Add the tokens earned since the last call."""
        seconds = max(0.0, (now - self.at).total_seconds())
        self.tokens = min(self.most, self.tokens + seconds * self.rate)
        self.at = now

    def take(self, now: datetime) -> bool:
        """Take a token, if there is one."""
        self.refill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Throttle:
    """The token buckets of one emulator, at `scale` times the documented rates. Thread-safe."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._lock = Lock()

    @property
    def size(self) -> int:
        """How many buckets there are."""
        return len(self._buckets)

    def admits(
        self, operation: str, account: str, region: str, channel: str | None, now: datetime
    ) -> bool:
        """Whether this call is within the quotas. A refused call takes no token."""
        quota = QUOTAS.get(operation)
        if quota is None:
            return True
        with self._lock:
            buckets = []
            if quota.account is not None:
                buckets.append(self._bucket((operation, account, region), quota.account, now))
            if quota.channel is not None and channel is not None:
                key = (operation, account, region, channel)
                buckets.append(self._bucket(key, quota.channel, now))
            for bucket in buckets:
                bucket.refill(now)
            admitted = all(bucket.tokens >= 1 for bucket in buckets)
            for bucket in buckets if admitted else ():
                bucket.tokens -= 1
            return admitted

    def _bucket(self, key: tuple[str, ...], rate: int, now: datetime) -> Bucket:
        if len(self._buckets) > _BUCKETS_BEFORE_FORGETTING:
            self._forget(now)
        return self._buckets.setdefault(key, Bucket(rate * self._scale, now))

    def _forget(self, now: datetime) -> None:
        """Drop the buckets that have long been full again: each channel has its own."""
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if now - bucket.at < _FORGET_AFTER
        }

"""Objects in a bucket of S3, as far as a deployed sweep needs them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from dataclasses import dataclass
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.errors import AwsError, NotFoundError


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, and the scope of its region. All of it raises `AwsError`."""

    name: str
    scope: Scope

    def put(self, key: str, data: bytes) -> None:
        """Write an object: once this returns it is durable, in several zones.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html
        """
        answer = self.scope.call("PutObject", Bucket=self.name, Key=key, Body=data)
        if not answer.get("ETag"):  # S3 gives every object one: somebody else answered
            raise AwsError(f"PutObject failed: {key} was not taken", "UnreadableAnswerError")

    def get(self, key: str) -> bytes:
        """Read an object; raises `NotFoundError`, which takes the right to list the bucket."""
        try:
            answer = self.scope.call("GetObject", Bucket=self.name, Key=key)
        except AwsError as error:
            if error.code == "NoSuchKey":
                raise NotFoundError(f"there is no {key} in {self.name}", error.code) from error
            raise
        body: bytes = answer["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, in order."""
        given: dict[str, Any] = {"Bucket": self.name, "Prefix": prefix}
        found: list[str] = []
        while True:
            answer = self.scope.call("ListObjectsV2", **given)
            found += [each["Key"] for each in answer.get("Contents", [])]
            if not answer.get("IsTruncated"):
                return found
            given["ContinuationToken"] = answer["NextContinuationToken"]

"""The error that several services raise for a parameter, in moto's idiom.

moto's serializer finds its HTTP status in botocore's service model.
"""

from moto.kinesisvideo.exceptions import KinesisvideoClientError


class InvalidArgumentException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """A parameter's value is invalid (400)."""

    code = "InvalidArgumentException"

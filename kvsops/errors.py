"""The errors that end a command: each carries the exit code it ends with.

Exit codes: 0 done or nothing to do; 1 a failure, also a partial one; 2 wrong usage, credentials,
region or a missing extra; 3 the check ran and its answer is no; 130 interrupted.
"""


class KvsopsError(Exception):
    """Something failed. Its text is one line: what, where, what to do."""

    exit_code = 1


class UsageError(KvsopsError):
    """Bad input, credentials, region or a missing extra: nothing was changed."""

    exit_code = 2


class CheckFailedError(KvsopsError):
    """The check ran, and its answer is no: a fuse blown, a budget passed."""

    exit_code = 3


class AwsError(KvsopsError):
    """AWS refused or failed a call.

    `code` is AWS's error code, or botocore's name of what went wrong on the way there. `sent`
    says that the call may have been carried out all the same: its answer was lost. `transient`
    says that the same call may succeed later.
    """

    def __init__(
        self, message: str, code: str, *, sent: bool = False, transient: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent
        self.transient = transient


class DeniedError(AwsError):
    """A permission is missing; the text names the IAM action and the resource it needs."""


class NotFoundError(AwsError):
    """The channel is not there, or not any more."""


class NoSuchNameError(NotFoundError):
    """No channel has the `name` that somebody gave."""

    def __init__(self, message: str, code: str, name: str) -> None:
        super().__init__(message, code)
        self.name = name


class CredentialsError(UsageError):
    """No credentials, or such as AWS does not accept (any more)."""


class RegionClosedError(CredentialsError):
    """The region is not enabled for the account, or the access key is known nowhere.

    AWS answers the same to both: only a call elsewhere tells.
    """


class MessageError(KvsopsError):
    """A signaling message, or a part of it, is not as the service wants it.

    `correlation_id` is that of the message, where it had one: the service answers only then.
    `action` is what it was to be, where that could be read.
    """

    def __init__(
        self, message: str, correlation_id: str | None = None, action: str | None = None
    ) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id
        self.action = action


class PeerError(KvsopsError):
    """A peer cannot connect, or lost its connection; the text says why."""


def needs_extra(extra: str) -> str:
    """Say how to install an extra: of a clone, since on PyPI the name may be anybody's."""
    return f"pip install '.[{extra}]' in a clone of kvsops"


class WriteRefusedError(KvsopsError):
    """A dry run tried to write: a defect in kvsops, stopped before the call left."""

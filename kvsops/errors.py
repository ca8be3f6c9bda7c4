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


class DeniedError(KvsopsError):
    """AWS refused the call for want of a permission; the text names the IAM action."""


class NotFoundError(KvsopsError):
    """The channel is not there, or not any more."""

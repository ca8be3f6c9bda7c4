"""The credentials of assumed roles, each good until its end and with its token alone."""

from dataclasses import dataclass
from datetime import datetime

from kvsops.local.api.sigv4 import SignatureError


@dataclass(frozen=True)
class Session:
    """One set of credentials. Never print it."""

    account_id: str
    arn: str
    secret_access_key: str
    session_token: str
    expires: datetime


class Sessions(dict[str, Session]):
    """The sessions by access key id."""

    def check(self, access_key_id: str, token: str | None, now: datetime) -> None:
        """Raise `SignatureError` unless this is no session's key, or the session's token, in time.

        Source: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
        """
        session = self.get(access_key_id)
        if session is None:
            return
        if token != session.session_token:
            raise invalid_token()
        if now >= session.expires:
            raise SignatureError(
                "ExpiredTokenException", "The security token included in the request is expired"
            )


def invalid_token() -> SignatureError:
    """Return what AWS says to credentials that it does not know where they are used."""
    return SignatureError(
        "UnrecognizedClientException", "The security token included in the request is invalid."
    )

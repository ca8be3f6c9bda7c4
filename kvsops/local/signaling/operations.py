"""The data plane's HTTPS side: GetIceServerConfig and SendAlexaOfferToMaster, for browsers too.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Operations_Amazon_Kinesis_Video_Signaling_Channels.html
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import perf_counter
from typing import Any

from botocore.model import OperationModel

from kvsops.core.wire.message import Action, MessageType, Received, Sent, decode_sent
from kvsops.errors import MessageError
from kvsops.local.api.call import Answer, Call, error_answer, json_answer
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.model import operations
from kvsops.local.api.validation import validate
from kvsops.local.dispatch import unknown
from kvsops.local.faults import DELAY, DROP, LATE
from kvsops.local.middleware import Middleware
from kvsops.local.signaling.admission import (
    INVALID_ARGUMENT,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    Place,
    Refused,
    check_fault,
    place_of,
    signed,
)
from kvsops.local.signaling.channel_state import received
from kvsops.local.signaling.counters import Counters
from kvsops.local.signaling.delivery import Delivery
from kvsops.local.turn.credentials import TTL_SECONDS, TurnCredentials

_SERVICE = "kinesis-video-signaling"
_SECONDS_BETWEEN_LOOKS = 0.05

Parameters = dict[str, Any]
Operation = Callable[[Place, Parameters], Awaitable[Parameters]]


class SignalingApi:
    """Answers the calls of one emulator; `turn_uris` tells those of its TURN server in a region."""

    def __init__(
        self,
        middleware: Middleware,
        counters: Counters,
        delivery: Delivery,
        credentials: TurnCredentials,
    ) -> None:
        self._middleware, self._settings = middleware, middleware.settings
        self._counters, self._delivery, self._credentials = counters, delivery, credentials
        self.turn_uris: Callable[[str], list[str]] = lambda _region: []
        self._operations: dict[str, Operation] = {
            "GetIceServerConfig": self._get_ice_server_config,
            "SendAlexaOfferToMaster": self._send_alexa_offer_to_master,
        }

    async def __call__(self, call: Call) -> Answer | None:
        """Answer a call; None where the connection shall be closed without an answer."""
        if call.method == "OPTIONS":
            return Answer(204)
        model = operations(_SERVICE).get(call.path)
        if model is None or call.method != "POST":
            return unknown(call, f"the operation {call.method} {call.path}")
        return await self._answer(call, model)

    async def _answer(self, call: Call, model: OperationModel) -> Answer | None:
        began, fault, place = perf_counter(), self._middleware.fault(model.name), None
        if fault == DROP:
            self._counters.call(model.name, None, began, DROP)
            return None
        try:
            parameters = _parameters(call, model)
            place = place_of(parameters["ChannelARN"], signed(call, self._settings), self._settings)
            self._admit(model.name, place, fault)
            answer = json_answer(await self._operations[model.name](place, parameters))
        except Refused as refused:
            self._counters.call(model.name, place, began, refused.code)
            return error_answer(refused.status, refused.code, str(refused))
        self._counters.call(model.name, place, began)
        await self._delivery.wait(fault)
        return answer if fault in (None, DELAY, LATE) else None

    def _admit(self, operation: str, place: Place, fault: str | None) -> None:
        check_fault(fault)
        if not self._middleware.admits(operation, place.account_id, place.region, place.name):
            raise Refused(LIMIT_EXCEEDED, "Rate exceeded")

    async def _get_ice_server_config(self, place: Place, _: Parameters) -> Parameters:
        uris = self.turn_uris(place.region)
        if not uris:
            return {"IceServerList": []}
        made = self._credentials.make(place.channel.arn, self._settings.clock())
        server = {
            "Password": made.password,
            "Ttl": TTL_SECONDS,
            "Uris": uris,
            "Username": made.username,
        }
        return {"IceServerList": [server]}

    async def _send_alexa_offer_to_master(self, place: Place, asked: Parameters) -> Parameters:
        """Send the offer as a viewer would, and wait for the answer as long as messages are kept.

        What AWS answers where no master does is not known to us.
        """
        caller = _Caller(asked["SenderClientId"])
        state = self._delivery.state_of(place)
        if caller.peer_id in state.peers:
            raise Refused(INVALID_ARGUMENT, "A viewer of this SenderClientId is connected.")
        state.join(caller)
        try:
            offer = received(caller.peer_id, _offer(asked["MessagePayload"]))
            await self._delivery.send(place, caller.peer_id, None, offer)
            return {"Answer": await self._answered(caller, place)}
        finally:
            state.leave(caller)

    async def _answered(self, caller: "_Caller", place: Place) -> str:
        until = self._settings.clock() + timedelta(seconds=place.channel.message_ttl_seconds)
        while not caller.answer:
            if self._settings.clock() >= until:
                raise Refused(NOT_FOUND, "No master answered within MessageTtlSeconds.")
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        return caller.answer


class _Caller:
    """Who sent an offer over HTTPS, in a viewer's place until it is answered."""

    def __init__(self, client_id: str) -> None:
        self.peer_id = client_id
        self.answer = ""

    async def send(self, message: Received) -> bool:
        """Take an answer; candidates have no way back."""
        if message.message_type is MessageType.SDP_ANSWER and message.encoded:
            self.answer = message.encoded
        return True

    def give_way(self, *, close: bool) -> None:
        """Give way to a viewer of the same id: nothing is open."""


def _offer(encoded: str) -> Sent:
    try:
        return decode_sent(json.dumps({"action": Action.SDP_OFFER, "messagePayload": encoded}))
    except MessageError as error:
        raise Refused(INVALID_ARGUMENT, str(error)) from None


def _parameters(call: Call, model: OperationModel) -> Parameters:
    """Return the request's parameters, checked against the model. Raises `Refused`."""
    try:
        parameters: Parameters = json.loads(call.body or b"{}")
        if model.input_shape is not None:
            validate(model.input_shape, parameters)
    except (ValueError, RecursionError):
        raise Refused(INVALID_ARGUMENT, "The request's body is not JSON.") from None
    except InvalidArgumentException as error:
        raise Refused(INVALID_ARGUMENT, str(error.message)) from None
    return parameters

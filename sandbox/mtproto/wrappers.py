"""Requests around requests: what they say about the session is noted, the bare request comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

from telethon.tl import TLObject, TLRequest, functions


@dataclass
class Peeled:
    """A bare request and what its wrappers said; None where they said nothing."""

    request: TLObject
    layer: int | None = None
    api_id: int | None = None
    no_updates: bool = False
    after: list[int] = field(default_factory=list)  #: ids of messages that must have been answered before


def peel(request: TLObject) -> Peeled:
    """Takes all wrappers off. What remains may not be a request at all."""
    peeled = Peeled(request)
    while isinstance(inner := getattr(peeled.request, "query", None), TLRequest):
        wrapper = peeled.request
        if isinstance(wrapper, functions.InvokeWithLayerRequest):
            peeled.layer = wrapper.layer
        elif isinstance(wrapper, functions.InitConnectionRequest):
            peeled.api_id = wrapper.api_id
        elif isinstance(wrapper, functions.InvokeWithoutUpdatesRequest):
            peeled.no_updates = True
        elif isinstance(wrapper, functions.InvokeAfterMsgRequest):
            peeled.after.append(wrapper.msg_id)
        elif isinstance(wrapper, functions.InvokeAfterMsgsRequest):
            peeled.after.extend(wrapper.msg_ids)
        elif not isinstance(
            wrapper, functions.InvokeWithMessagesRangeRequest | functions.InvokeWithTakeoutRequest
        ):
            break
        peeled.request = inner
    return peeled

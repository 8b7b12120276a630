"""Models that are asked over the network, each as what a line can ask: `ask_async(questions)`."""

from collections.abc import Callable
from typing import assert_never

from adjudge.core.remote import ChatModel, HttpModel, OipModel
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders.lines import Asked
from adjudge.deciders.remote.chat import Chat
from adjudge.deciders.remote.exchanging import Exchange, SecretOf
from adjudge.deciders.remote.hedging import Hedged
from adjudge.deciders.remote.mapping import Mapped
from adjudge.deciders.remote.oip import Oip
from adjudge.outbound.client import Client

__all__ = ["SecretOf", "remote_model"]


def remote_model(
    spec: DeciderSpec,
    client: Client,
    secret: SecretOf,
    now_unix: Callable[[], float],
    overhear: Callable[[bytes], None] | None = None,
) -> Asked:
    """Return the model of a remote decider's spec; nothing is sent before it is asked."""
    assert spec.remote is not None
    seconds = spec.timeout.total_seconds()
    exchange = Exchange(spec.remote.endpoint, client, secret, seconds=seconds, now_unix=now_unix, overhear=overhear)
    model: Asked
    match spec.remote:
        case HttpModel() as http:
            model = Mapped(http, exchange)
        case OipModel() as oip:
            model = Oip(oip, exchange, batch=spec.batch)
        case ChatModel() as chat:
            model = Chat(chat, exchange)
        case _ as other:
            assert_never(other)
    return model if spec.hedge is None else Hedged(model, spec.hedge, cost_micros=spec.cost_micros)

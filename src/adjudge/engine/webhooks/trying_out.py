"""A webhook that tells of nothing, sent at once: so that an endpoint's owner sees one arrive."""

from collections.abc import Callable

from adjudge.engine.clocks import Clock
from adjudge.engine.identifiers import NewId
from adjudge.engine.webhooks.posting import Poster, message_id, test_body
from adjudge.engine.webhooks.receivers import Answered
from adjudge.outbound import Permitted
from adjudge.outbound.client import open_client
from adjudge.store.webhooks.endpoints import Receiver


async def try_out(
    receiver: Receiver, permitted: Permitted, *, now: Clock, monotonic: Callable[[], float], new_id: NewId
) -> Answered:
    """Send one signed test event, on a connection of its own; return what came of it."""
    message = message_id(new_id(), 0)
    async with open_client(permitted, connections=1) as client:
        poster = Poster(client, now=now, monotonic=monotonic)
        return await poster.post(receiver, message, test_body(message, now), now())

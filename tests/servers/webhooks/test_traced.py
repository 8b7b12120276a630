"""A webhook in the trace of the request that asked."""

from tests.configured import question
from tests.servers.webhooks.conftest import added
from tests.traced import CALLER, ended, exported, linked, traced_caller

__all__ = ["exported"]


async def test_a_webhook_is_linked_to_the_request_that_asked(stack, receiver, exported):
    await added(stack.admin, receiver)

    await traced_caller(stack).post("/v1/decisions", question(), Prefer="wait=10", traceparent=CALLER)

    [sent] = await ended(exported, lambda span: span.name == "webhook")
    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    assert linked(sent) == {request.context.span_id}

"""For trying a server out: each of its replies as it came, before anything is made of it."""

import random
from pathlib import Path

from aiohttp import web
from tests.servers.deciders.model_server import HERE, ModelServer, spec_of
from tests.unit.deciders.asking import Clock, a_question

from adjudge.deciders import open_deciders


async def heard_from(answer, section):
    heard = []
    async with ModelServer(answer).running() as server:
        clock = Clock()
        spec = spec_of({"http": {"url": server.url, **section}})
        async with open_deciders(
            [spec],
            folder=Path("/nonexistent"),
            clock=clock,
            now=clock.now,
            rng=random.Random(7),
            outbound=HERE,
            overhear=heard.append,
        ) as deciders:
            await deciders.ask("model@1", [a_question()])
    return heard


async def test_the_body_is_told_once_although_a_result_is_made_of_it():
    async def answer(request, body):
        return {"label": "pay", "score": 0.9, "why": "low risk"}

    heard = await heard_from(answer, {"response": {"answer": "/label", "confidence": "/score"}})

    assert heard == [b'{"label": "pay", "score": 0.9, "why": "low risk"}']


async def test_a_reply_that_is_a_fault_is_told_too():
    async def answer(request, body):
        return web.Response(status=500, text="out of memory")

    assert await heard_from(answer, {"response": {"distribution": "/scores"}}) == [b"out of memory"]

"""A second request for a slow call."""

import asyncio

import pytest
from tests.servers.deciders.model_server import asking_server, problem
from tests.unit.deciders.asking import a_question
from tests.waiting import until

SINGLE = {"response": {"answer": "/label", "confidence": "/score"}}
SURE = {"label": "pay", "score": 0.9}
HEDGE = {"after": "20ms", "share": 1}


class Turns:
    """Answers each request as its turn says: an answer at once, or none until it is given up."""

    def __init__(self, *turns: object) -> None:
        self.turns = list(turns)
        self.given_up = 0

    async def __call__(self, request, body):
        turn = self.turns.pop(0)
        try:
            return await turn if asyncio.isfuture(turn) else turn
        except asyncio.CancelledError:
            self.given_up += 1
            raise


def silence() -> asyncio.Future[object]:
    return asyncio.get_running_loop().create_future()


def hedged(turns: Turns, hedge: object = HEDGE, **section: object):
    return asking_server(turns, "http", SINGLE, hedge=hedge, cost="0.001 USD", **section)


async def test_a_slow_call_is_asked_again_the_first_answer_counts_and_both_are_paid():
    turns = Turns(silence(), SURE)
    async with hedged(turns) as (bench, server):
        (found,) = await bench.ask(a_question())

        assert (found.answer, found.cost_micros, len(server.asked)) == ("pay", 2_000, 2)
        await until(lambda: turns.given_up, seconds=4)  # sooner than the request's own time-out


async def test_a_quick_call_is_not():
    async with hedged(Turns(SURE), hedge="4s") as (bench, server):
        (found,) = await bench.ask(a_question())

    assert (found.cost_micros, len(server.asked)) == (1_000, 1)


async def test_an_error_before_the_second_request_is_an_error():
    async with hedged(Turns(problem(500)), hedge="4s") as (bench, server):
        assert await bench.faults(a_question()) == ["error"]

    assert len(server.asked) == 1


async def test_an_error_of_one_request_leaves_it_to_the_other():
    first = silence()
    turns = Turns(first, problem(500))
    async with hedged(turns) as (bench, server):
        asking = asyncio.create_task(bench.ask(a_question()))
        await until(lambda: len(server.asked) >= 2, seconds=5)
        first.set_result(SURE)

        assert (await asking)[0].answer == "pay"


async def test_where_both_fail_it_is_the_first_that_is_told():
    first = silence()
    async with hedged(Turns(first, problem(429))) as (bench, server):
        asking = asyncio.create_task(bench.faults(a_question()))
        await until(lambda: len(server.asked) >= 2, seconds=5)
        first.set_result(problem(500))

        assert await asking == ["error"]


@pytest.mark.parametrize("share", [0.25, 0.5])
async def test_a_server_that_is_slow_with_everything_is_asked_twice_for_a_share_only(share):
    calls = 12

    async def slow(request, body):
        await asyncio.sleep(0.03)
        return SURE

    section = {"hedge": {"after": "1ms", "share": share}}
    async with asking_server(slow, "http", SINGLE, **section) as (bench, server):
        for _ in range(calls):
            await bench.ask(a_question())

        assert calls * share <= len(server.asked) - calls <= calls * share + 1


async def test_both_requests_are_given_up_when_the_time_is_over():
    turns = Turns(silence(), silence())
    async with hedged(turns, timeout="500ms") as (bench, _):
        assert await bench.faults(a_question()) == ["timeout"]

        await until(lambda: turns.given_up >= 2, seconds=5)
        assert bench.state.lost == 0

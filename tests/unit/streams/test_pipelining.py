"""What goes over one connection, seen from its transport."""

import asyncio

from adjudge.streams.connections.pipelining import Pipeline, packed


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.writes = []

    def write(self, data):
        self.writes.append(data)

    def abort(self):
        pass


def connected() -> tuple[Pipeline, Transport]:
    pipeline, transport = Pipeline(), Transport()
    pipeline.connection_made(transport)
    return pipeline, transport


async def test_what_is_asked_in_one_turn_of_the_loop_goes_in_one_write_behind_the_first():
    pipeline, transport = connected()
    pings = [packed([("PING", n)]) for n in range(4)]
    until = asyncio.get_running_loop().time() + 5

    asked = [pipeline.ask(ping, 1, until) for ping in pings]
    await asyncio.sleep(0)
    pipeline.data_received(b"+0\r\n+1\r\n+2\r\n+3\r\n")

    assert transport.writes == [pings[0], b"".join(pings[1:])]
    assert [await answer for answer in asked] == [[b"0"], [b"1"], [b"2"], [b"3"]]


async def test_nothing_is_written_to_a_connection_that_has_ended_meanwhile():
    pipeline, transport = connected()
    until = asyncio.get_running_loop().time() + 5

    asked = [pipeline.ask(packed([("PING",)]), 1, until) for _ in range(2)]
    pipeline.end("cut")
    await asyncio.sleep(0)

    assert len(transport.writes) == 1
    assert {str(answer.exception()) for answer in asked} == {"cut"}

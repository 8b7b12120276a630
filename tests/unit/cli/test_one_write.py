"""An answer leaves in one write; nothing is held back past the event loop's turn, cut short or put in another order."""

import asyncio

import pytest

from adjudge.cli.processes.one_write import MOST_COPIED, OneWrite

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Line:
    """Remembers each write, and the end, in their order."""

    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.seen.append(data)

    def write_eof(self) -> None:
        self.seen.append("eof")

    def close(self) -> None:
        self.seen.append("close")

    def is_closing(self) -> bool:
        return "close" in self.seen


@pytest.fixture
async def line() -> tuple[OneWrite, Line]:
    inner = Line()
    return OneWrite(inner, asyncio.get_running_loop()), inner


async def turn() -> None:
    """Let the event loop turn once."""
    await asyncio.sleep(0)


async def test_head_and_body_leave_together(line):
    transport, inner = line

    transport.write(HEAD)
    transport.write(b"{}")
    transport.write(HEAD)
    transport.write(b"[]")
    await turn()

    assert inner.seen == [HEAD + b"{}", HEAD + b"[]"]


async def test_a_head_whose_body_comes_later_or_never_leaves_by_itself_in_the_same_turn(line):
    transport, inner = line

    transport.write(HEAD)
    assert inner.seen == []
    await turn()
    assert inner.seen == [HEAD]
    transport.write(b"event: 1\n\n")

    assert inner.seen == [HEAD, b"event: 1\n\n"], "a part of a stream waits for nothing"


async def test_a_large_body_is_not_copied(line):
    transport, inner = line
    body = b"x" * (MOST_COPIED + 1)

    transport.write(HEAD)
    transport.write(body)

    assert inner.seen == [HEAD, body]
    assert inner.seen[1] is body


@pytest.mark.parametrize("ending", ["close", "write_eof"])
async def test_what_is_held_back_is_written_before_the_end(line, ending):
    transport, inner = line

    transport.write(HEAD)
    getattr(transport, ending)()
    await turn()

    assert inner.seen == [HEAD, ending.removeprefix("write_")]


async def test_of_all_else_it_is_the_transport_below(line):
    transport, _ = line
    transport.close()

    assert transport.is_closing()
    with pytest.raises(AttributeError):
        transport.no_such_thing()


async def test_what_a_caller_who_has_gone_had_asked_is_answered_to_nobody(line):
    """Requests that were sent in a row, on a connection that is closed: uvloop raises at a write."""
    transport, inner = line
    inner.close()

    transport.write(HEAD)
    transport.write(b"{}")
    transport.write(HEAD)
    await turn()
    transport.write(b"{}")

    assert inner.seen == ["close"]

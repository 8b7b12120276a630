"""What is refused. What Lua means is held against the real server in tests/servers/streams/test_conformance.py."""

import pytest

from adjudge.streams.testing.lua import Refused, Unreadable, run_script


def ran(source, call=lambda _: None):
    return run_script(source, [], [], call)


@pytest.mark.parametrize("source", ["local = 1", "return {1", "if true then", "return 'open", "x = @"])
def test_what_is_not_understood_is_refused_and_not_guessed(source):
    with pytest.raises(Unreadable):
        ran(source)


@pytest.mark.parametrize(
    "source",
    ["local t = nil return t.x", "return 1 + {}", "return 'a' .. {}", "error('no')", "return cjson.decode('{')"],
)
def test_an_error_of_the_script_is_the_servers_answer(source):
    with pytest.raises(Refused):
        ran(source)


def test_inner_blocks_do_not_change_outer_names():
    assert ran("local x = 1 do local x = 2 end for x = 5, 6 do end return x") == 1


def test_an_inner_function_changes_what_it_can_see():
    assert ran("local n = 0 local function f() n = n + 2 end f() f() return n") == 4


def test_a_false_answer_of_a_command_is_not_zero():
    assert ran("return redis.call('GET', 'x') == 0 and 'zero' or 'nothing'") == b"nothing"

from adjudge.streams import Message, Subscription
from adjudge.streams.consuming.holding import Holding


async def nothing(_):
    return None


def a_holding():
    return Holding(Subscription(name="n", lanes={"standard": 1, "bulk": 1}, handler=nothing))


def messages(*numbers, lane="standard"):
    return [Message(f"{number}-0", "n", lane, b"") for number in numbers]


def test_what_is_in_hand_already_is_not_received_again():
    holding = a_holding()
    holding.receive("standard", messages(1, 2), claimed=False)
    holding.lanes.take()

    assert holding.receive("standard", messages(2, 3), claimed=True) == 1
    assert [m.id for m in holding.lanes.take().messages] == ["3-0"]


def test_the_same_id_in_two_lanes_is_two_messages():
    holding = a_holding()
    holding.receive("standard", messages(1), claimed=False)

    assert holding.receive("bulk", messages(1, lane="bulk"), claimed=False) == 1
    assert holding.ids() == {"standard": ["1-0"], "bulk": ["1-0"]}


def test_what_waits_is_forgotten_when_another_has_claimed_it_and_what_runs_is_not():
    holding = a_holding()
    holding.receive("standard", messages(1), claimed=False)
    running = holding.lanes.take().messages[0]
    holding.receive("standard", messages(2, 3), claimed=False)

    assert holding.lose("standard", {"1-0", "2-0", "9-0"}) == 2

    assert holding.holds(running)
    assert [m.id for m in holding.lanes.take().messages] == ["3-0"]
    assert holding.ids() == {"standard": ["1-0", "3-0"]}

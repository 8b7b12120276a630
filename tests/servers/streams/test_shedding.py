"""Lanes are refused in strict order when all together hold too much."""

from adjudge.streams import Entry, Full, Shedding

NAME = "ask:m@1"
SHEDDING = Shedding(("realtime", "standard", "bulk"), total=9)


def entries(count, lane, **options):
    return [Entry(NAME, lane, b"", 1000, shedding=SHEDDING, **options) for _ in range(count)]


async def test_each_lane_is_refused_only_while_all_less_urgent_ones_are(streams):
    answers = await streams.publish(entries(5, "bulk"))
    answers += await streams.publish(entries(5, "standard"))
    answers += await streams.publish(entries(5, "realtime"))

    refused = [Full(answer.length, answer.shed) for answer in answers if isinstance(answer, Full)]
    assert refused == [Full(3, shed=True)] * 2 + [Full(6, shed=True)] * 2 + [Full(9, shed=True)] * 2


async def test_entries_with_a_key_are_shed_alike(streams):
    await streams.publish(entries(3, "bulk"))

    [bulk] = await streams.publish(entries(1, "bulk", key="k"))
    [standard] = await streams.publish(entries(1, "standard", key="k"))

    assert (bulk, type(standard)) == (Full(3, shed=True), str)

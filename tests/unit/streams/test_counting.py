from adjudge.streams import Depth, LaneDepth, Message, Observer, Poison
from adjudge.streams.counting import CLAIMED, DEAD, FAILED, READ, RETRIED, Counters

A_MESSAGE = Message("1-0", "mail", "standard", b"")


def test_figures_add_up_over_labels():
    counters = Counters()

    counters.read("mail", "standard", 3)
    counters.read("mail", "bulk", 4)
    counters.read("sms", "bulk", 5)

    assert counters.value(READ, name="mail") == 7
    assert counters.value(READ) == 12
    assert counters.value(CLAIMED) == 0


def test_a_death_after_a_failure_is_both_and_one_by_poison_is_no_failure():
    counters = Counters()

    counters.failed(A_MESSAGE, ValueError(), 0.5)
    counters.dead(A_MESSAGE, ValueError())
    counters.dead(A_MESSAGE, Poison(5))

    assert [counters.value(metric) for metric in (FAILED, RETRIED, DEAD)] == [2, 1, 2]


def test_the_exposition_is_read_by_prometheus_own_parser():
    from prometheus_client.parser import text_string_to_metric_families

    counters = Counters()
    counters.read('a"b\\c\n', "standard", 3)
    counters.measured("mail", Depth({"standard": LaneDepth(7, 5, 2, 1.25)}, delayed=1, dead=0))
    counters.loop_delay(0.25)

    families = list(text_string_to_metric_families(counters.exposition()))

    samples = {sample.name: sample for family in families for sample in family.samples}
    assert samples["adjudge_streams_read_total"].labels == {"name": 'a"b\\c\n', "lane": "standard"}
    assert samples["adjudge_streams_lag"].value == 5
    assert samples["adjudge_streams_oldest_seconds"].value == 1.25
    assert samples["adjudge_streams_loop_delay_seconds"].labels == {}
    assert {family.type for family in families} == {"counter", "gauge"}


def test_every_hook_is_an_observers():
    hooks = {name for name in vars(Counters) if not name.startswith("_")} - {"value", "exposition"}

    assert hooks <= set(vars(Observer))

"""Many values at once are counted as one by one."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from adjudge.telemetry.histograms import observe_all


@given(st.lists(st.floats(0, 20) | st.sampled_from([0.5, 1.0, 2.5])))
def test_values_observed_together_are_counted_as_if_each_were_observed(values):
    together, singly = a_histogram(), a_histogram()

    observe_all(together, values)
    for value in values:
        singly.observe(value)

    assert counted(together) == counted(singly)


def a_histogram() -> Histogram:
    return Histogram("seconds", "Seconds", buckets=(0.5, 1.0, 2.5), registry=CollectorRegistry())


def counted(histogram: Histogram) -> dict[tuple[str, str], float]:
    [metric] = histogram.collect()
    return {
        (sample.name, sample.labels.get("le", "")): round(sample.value, 6)
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }

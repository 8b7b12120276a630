"""What pipes can rely on."""

from decimal import Decimal

import pytest

from adjudge.cli.output import Column, decimal, entries, legible, precise, rough, table


def test_a_table_stands_as_in_the_first_hour():
    columns = [Column("POOL"), *(Column(title, right=True) for title in ("WAITING", "OLDEST", "MEDIAN"))]

    assert table(columns, [("agents", "0", "–", "8 s")]) == [
        "POOL    WAITING  OLDEST  MEDIAN",
        "agents        0       –     8 s",
    ]


def test_columns_stand_below_each_other_however_wide_the_letters():
    """日 takes two cells, an accent of its own none."""
    rows = [("日本", "x"), ("cafe\u0301", "y"), ("tea", "z")]

    assert table([Column("ANSWER"), Column("BY")], rows) == [
        "ANSWER  BY",
        "日本    x",
        "cafe\u0301    y",
        "tea     z",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0021, "2 ms"), (9.4, "9.4 s"), (14.913, "14.9 s"), (600, "10.0 min"), (86_400, "24 h")]
)
def test_measured_durations(seconds, text):
    assert precise(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.2, "8 s"), (180, "3 min"), (600, "10 min"), (86_400, "24 h"), (604_800, "7 d")]
)
def test_durations_to_plan_by(seconds, text):
    assert rough(seconds) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [(500, "0.0005"), (44_762, "0.045"), (1_240, "0.0012"), (0, "0.00"), (12_340_000, "12.34"), (3, "0.000003")],
)
def test_small_costs_keep_the_digits_that_say_something(micros, text):
    assert decimal(legible(Decimal(micros) / 1_000_000)) == text


def test_a_long_name_is_apart_from_its_value():
    assert entries([("claim-risk@1", "pay"), ("by", "people")]) == ["claim-risk@1 pay", "by           people"]

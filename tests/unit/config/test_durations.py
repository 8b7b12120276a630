"""Durations as people write and read them."""

from datetime import timedelta

import pytest

from adjudge.config.documents.durations import parse_duration, show_duration


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("500ms", "500 ms"),
        ("2s", "2 s"),
        ("90s", "90 s"),
        ("10m", "10 min"),
        ("120m", "2 h"),
        ("24h", "24 h"),
        ("1d", "24 h"),
        ("36h", "36 h"),
        ("7d", "7 d"),
        ("1.5h", "90 min"),
        ("0.001s", "1 ms"),
    ],
)
def test_a_duration_is_shown_in_the_largest_exact_unit(written: str, shown: str) -> None:
    assert show_duration(parse_duration(written)) == shown


@pytest.mark.parametrize("text", ["", "10", "10 m", "-1s", "1w", "0s", "1e3s", "1m30s", "1" * 30 + "s", "0.5ms", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_a_duration_is_exact() -> None:
    assert parse_duration("500ms") == timedelta(milliseconds=500)

"""Instants as people type them: ago where something is looked back at, ahead where something is to be done by then."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from adjudge.cli.instants import ahead, instant

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_a_deadline_of_ten_minutes_is_ahead_and_a_search_of_ten_minutes_begins_before():
    assert ahead("10m", NOW) - NOW == NOW - instant("10m", NOW) == timedelta(minutes=10)


def test_instants_are_the_same_for_both():
    assert ahead("2026-12-01T18:00:00Z", NOW) == instant("2026-12-01T18:00:00Z", NOW)


def test_what_is_neither_says_what_may_be_typed():
    with pytest.raises(typer.BadParameter, match="neither a time from now"):
        ahead("tomorrow", NOW)

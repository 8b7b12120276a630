import pytest
from pydantic import ValidationError

from adjudge.cli.outbound import outbound_of
from adjudge.cli.settings import Settings


def test_a_secret_is_taken_from_its_own_variable_and_from_no_other(monkeypatch):
    monkeypatch.setenv("ADJUDGE_SECRET_VISION_2", "s3cret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:mine@db")
    outbound = outbound_of(Settings())

    assert outbound.secret("vision-2") == "s3cret"
    assert outbound.secret("database-url") is None


def test_nothing_private_is_permitted_unless_it_is_listed(monkeypatch):
    assert not outbound_of(Settings()).permitted.permits("127.0.0.1")

    monkeypatch.setenv("ADJUDGE_OUTBOUND_ALLOW", "127.0.0.0/8, 10.20.0.7")

    assert outbound_of(Settings()).permitted.permits("10.20.0.7")


def test_a_list_of_networks_that_cannot_be_read_stops_the_start():
    with pytest.raises(ValidationError, match="'localhost' is not an address"):
        Settings(outbound_allow="localhost")

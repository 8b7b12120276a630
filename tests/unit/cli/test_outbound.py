import pytest

from adjudge.cli.processes.outbound import outbound_of
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import read_settings
from adjudge.core.remote import Secret


def test_a_secret_is_taken_from_its_own_variable_and_from_no_other(monkeypatch):
    monkeypatch.setenv("ADJUDGE_SECRET_VISION_2", "s3cret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:mine@db")
    outbound = outbound_of(read_settings())

    assert outbound.secret(Secret("vision-2")) == "s3cret"
    assert outbound.secret(Secret("database-url")) is None


def test_a_secret_may_be_a_file_of_the_folder_for_that(monkeypatch, tmp_path):
    """As orchestrators mount them, with a line break at the end."""
    (tmp_path / "vision").write_text("s3cret\n")
    monkeypatch.setenv("ADJUDGE_SECRETS_FOLDER", str(tmp_path))
    outbound = outbound_of(read_settings())

    assert outbound.secret(Secret("vision", is_file=True)) == "s3cret"
    assert outbound.secret(Secret("other", is_file=True)) is None


def test_nothing_private_is_permitted_unless_it_is_listed(monkeypatch):
    assert not outbound_of(read_settings()).permitted.permits("127.0.0.1")

    monkeypatch.setenv("ADJUDGE_OUTBOUND_ALLOW", "127.0.0.0/8, 10.20.0.7")

    assert outbound_of(read_settings()).permitted.permits("10.20.0.7")


def test_a_list_of_networks_that_cannot_be_read_stops_the_start():
    with pytest.raises(Refused, match=r"ADJUDGE_OUTBOUND_ALLOW: .*'localhost' is not an address"):
        read_settings(outbound_allow="localhost")

"""Logs that are held to a bound while others write to them."""

import os

from adjudge.stack.logs import begin_anew


def test_a_log_beyond_its_bound_begins_anew_and_its_end_is_kept_beside_it(tmp_path):
    log = tmp_path / "worker.log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(writer, b"old\n" * 50 + b"late\n")

    begin_anew(log, 100, 10)
    os.write(writer, b"new\n")

    os.close(writer)
    assert log.read_bytes() == b"new\n"
    kept = tmp_path / "worker.log.1"
    assert kept.read_bytes() == b"\nold\nlate\n"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_one_within_it_is_left_alone_and_one_that_is_not_there_is_no_error(tmp_path):
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 100)

    begin_anew(log, 100, 10)
    begin_anew(tmp_path / "keeper.log", 100, 10)

    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("worker.log", 100)]


def test_it_is_emptied_even_where_its_end_cannot_be_kept(tmp_path):
    """On a full disk that is what gives the database its room back."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 101)
    (tmp_path / "worker.log.1").mkdir()

    begin_anew(log, 100, 10)

    assert log.stat().st_size == 0

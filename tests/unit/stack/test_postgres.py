import pytest

from adjudge.stack.postgres import environment, is_ready

READY = ["42", "/data", "1", "5432", "/run", "", "1 2", "ready   "]


@pytest.mark.parametrize(
    ("lines", "ready"),
    [
        (READY, True),
        ([*READY[:7], "starting"], False),
        (READY[:7], False),
        (["43", *READY[1:]], False),
        ([], False),
    ],
)
def test_postgres_is_ready_when_its_pid_file_says_so_of_our_process(tmp_path, lines, ready):
    (tmp_path / "postmaster.pid").write_text("\n".join(lines))

    assert is_ready(tmp_path / "postmaster.pid", 42) is ready


def test_postgres_is_not_ready_without_a_pid_file(tmp_path):
    assert not is_ready(tmp_path / "postmaster.pid", 42)


def test_a_strangers_settings_do_not_steer_our_postgres(monkeypatch):
    monkeypatch.setenv("PGDATA", "/elsewhere")

    assert "PGDATA" not in environment()

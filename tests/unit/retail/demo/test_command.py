"""The demo as it is typed."""

import pytest

from adjudge.cli.root import run


@pytest.mark.parametrize("option", ["--json", "--html", "--outcomes"])
def test_a_file_that_could_not_be_written_is_told_before_minutes_have_passed(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    status = run(["demo", option, "nowhere/figures"])

    assert status == 2
    assert "there is no folder nowhere to write figures into" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

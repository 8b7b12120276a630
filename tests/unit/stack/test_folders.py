import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.stack import folders
from adjudge.stack.errors import NoPermission
from adjudge.stack.folders import LONGEST_SOCKET_NAME, MEMORY, SOCKET_PATH_BYTES, Layout, held, laid_out, mapped_files

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=120)


@given(name=NAMES)
def test_a_sockets_path_is_never_too_long(name):
    sockets = Layout(Path("/home") / name).sockets

    assert len(f"{sockets}{LONGEST_SOCKET_NAME}".encode()) <= SOCKET_PATH_BYTES


def test_sockets_are_in_the_folder_when_its_path_is_short():
    assert Layout(Path("/srv/adjudge")).sockets == Path("/srv/adjudge/run")


@pytest.mark.parametrize("name", ["Müller, Schmidt", 'say "hi"'])
def test_sockets_are_elsewhere_where_the_path_cannot_be_an_address(name):
    folder = Path("/srv") / name

    assert folder not in Layout(folder).sockets.parents


def test_two_long_folders_have_different_sockets():
    assert Layout(Path("/" + "a" * 110)).sockets != Layout(Path("/" + "b" * 110)).sockets


def test_files_that_are_mapped_are_not_on_the_disk_that_may_be_full_and_go_with_their_block(tmp_path):
    """Who first writes to a page of such a file ends by SIGBUS where the disk is full."""
    with mapped_files(tmp_path) as first:
        (first / "metrics.db").write_bytes(b"left behind")
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
        assert MEMORY in first.parents or not MEMORY.exists()
    assert not first.exists()

    first.mkdir(mode=0o700)
    (first / "metrics.db").write_bytes(b"of one that was killed")
    with mapped_files(tmp_path) as second:
        assert (second, list(second.iterdir())) == (first, [])


def test_mapped_files_are_in_the_folder_where_there_is_no_memory_to_map(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MEMORY", tmp_path / "nowhere")

    with mapped_files(tmp_path) as found:
        assert found.parent == tmp_path


def test_nobody_runs_servers_where_another_user_did_and_nothing_is_touched(tmp_path, monkeypatch):
    """Root once in a user's project: its files were root's from then on, and the user was refused for good."""
    folder = tmp_path / "project"
    with held(laid_out(folder)):
        pass
    before = sorted((path.name, path.stat().st_uid, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 4_321)

    with pytest.raises(NoPermission) as refused:
        laid_out(folder)

    assert "belongs to" in str(refused.value)
    assert sorted((path.name, path.stat().st_uid, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before

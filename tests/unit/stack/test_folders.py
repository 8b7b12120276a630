from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adjudge.stack.folders import LONGEST_SOCKET_NAME, SOCKET_PATH_BYTES, Layout

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=120)


@given(name=NAMES)
def test_a_sockets_path_is_never_too_long(name):
    sockets = Layout(Path("/home") / name).sockets

    assert len(f"{sockets}{LONGEST_SOCKET_NAME}".encode()) <= SOCKET_PATH_BYTES


def test_sockets_are_in_the_folder_when_its_path_is_short():
    assert Layout(Path("/srv/adjudge")).sockets == Path("/srv/adjudge/run")


def test_two_long_folders_have_different_sockets():
    assert Layout(Path("/" + "a" * 110)).sockets != Layout(Path("/" + "b" * 110)).sockets

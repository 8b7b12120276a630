import errno
from pathlib import Path

import pytest

from adjudge.stack.errors import DiskFull, MissingLibrary, NoPermission, PortInUse, ServerDied, death_of, file_errors

LOG = Path("/data/logs/postgres.log")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("initdb: error while loading shared libraries: libpq.so.5: cannot open", MissingLibrary),
        ("dyld: Library not loaded: @rpath/libpq.5.dylib", MissingLibrary),
        ("PANIC: could not write to file: No space left on device", DiskFull),
        ("# Could not bind: Address already in use", PortInUse),
        ("FATAL: could not open file: Permission denied", NoPermission),
        ('FATAL: data directory "x" has wrong ownership', NoPermission),
        ("FATAL: something else", ServerDied),
        ("", ServerDied),
    ],
)
def test_last_words_become_the_error_they_stand_for(said, kind):
    error = death_of("PostgreSQL", "ended", LOG, said)

    assert type(error) is kind
    assert "\n" not in str(error)


def test_an_unknown_death_quotes_the_last_three_lines():
    error = death_of("Valkey", "ended", LOG, "first\nsecond\nthird\nfourth")

    assert str(error) == "Valkey ended: second | third | fourth (log: /data/logs/postgres.log)"


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EACCES, NoPermission), (errno.EROFS, NoPermission)],
)
def test_file_errors_say_what_to_do(number, kind):
    with pytest.raises(kind), file_errors(Path("/data")):
        raise OSError(number, "refused", "/data/lock")


def test_other_file_errors_stay_what_they_are():
    with pytest.raises(FileNotFoundError), file_errors(Path("/data")):
        raise FileNotFoundError(errno.ENOENT, "gone")

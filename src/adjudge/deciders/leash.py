"""The beginning of a model's process: tied to its worker before anything else is imported.

Run as a file by `processes`, with nothing but the standard library until it is tied: our own modules and
the model's libraries take up to minutes, and the worker may die meanwhile. A thread reads what the worker
sends, and ends the process with the pipe, whatever the model does. On Linux the kernel sees to it besides,
should the model never let go of the interpreter; what the model forks is tied likewise. macOS has the pipe
alone; that system could not be run when this was written.
"""

import ctypes
import os
import signal
import struct
import sys
import threading
from queue import SimpleQueue
from typing import BinaryIO, Final, TypeAlias

PR_SET_PDEATHSIG: Final = 1
HEAD: Final = struct.Struct(">I")
"""The length of the message that follows."""

Inbox: TypeAlias = "SimpleQueue[bytes]"


def main() -> None:
    """Serve the worker whose process id is the only argument."""
    if sys.platform == "linux":
        _die_with(int(sys.argv[1]))
        _tie_forks()
    elif os.getppid() != int(sys.argv[1]):
        os._exit(0)
    down, up = _own_pipes()
    inbox: Inbox = SimpleQueue()
    threading.Thread(target=_receive, args=(down, inbox), daemon=True).start()
    from adjudge.deciders import child  # noqa: PLC0415  on the leash

    child.serve(inbox, up)


def _die_with(owner: int) -> None:
    """Have the kernel end us with the thread that started us, which is the owner's main thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process cannot be tied to its worker")
    if os.getppid() != owner:  # it died before we asked
        os._exit(0)


def _tie_forks() -> None:
    """Tie what our main thread forks to us: a group is not killed when its leader is.

    Forks of other threads are not tied: they would end with the thread.
    """
    owner: int | None = None

    def before() -> None:
        nonlocal owner
        owner = os.getpid() if threading.current_thread() is threading.main_thread() else None

    def in_child() -> None:
        if owner is not None:
            _die_with(owner)

    os.register_at_fork(before=before, after_in_child=in_child)


def _receive(down: BinaryIO, inbox: Inbox) -> None:
    """Hand on what comes; end at the end of file: the worker closed the pipe or died."""
    try:
        while len(head := down.read(HEAD.size)) == HEAD.size:
            inbox.put(down.read(HEAD.unpack(head)[0]))
    finally:
        _end()


def _end() -> None:
    """End at once, with all that the model started."""
    try:
        os.killpg(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(0)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from standard input and output, so that a model may print."""
    down = os.fdopen(os.dup(0), "rb")
    up = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return down, up


if __name__ == "__main__":
    main()

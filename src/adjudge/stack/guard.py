"""The parent of every server and role: it ends its child when its owner is gone.

Run as a file by `children.spawn`, with nothing but the standard library, so that it starts in
milliseconds: `python -I -S guard.py '{"owner": 1, "command": [...], ...}'`. It answers one line
of JSON, `{"pid": ...}` or `{"error": ...}`, and lives as long as its child.

Its standard input is a pipe whose other end only the owner holds. End of file means that the
owner stopped us or died: one way of ending for both. On Linux PR_SET_PDEATHSIG says the same
should the pipe have leaked into a process the owner forked, and ends the child should the guard
itself be killed. macOS has the pipe alone; that system could not be run when this was written.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
CLONE_NEWUSER: Final = 0x10000000
NOBODY: Final = 65534
OWNER: Final = 0
"""Standard input: readable only when the owner's end of the pipe is closed."""


def die_with_parent(signum: int) -> None:
    """Have the kernel send `signum` when the thread that forked us ends. Cleared by a change of user."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)


def enter_namespace() -> None:
    """Be `nobody` in a user namespace of our own: no privilege is left, our files stay ours."""
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are forbidden")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def become(identity: str) -> None:
    """Take the identity: `same`, `namespace`, or `uid:gid`."""
    if identity == "namespace":
        enter_namespace()
    elif identity != "same":
        uid, gid = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def start(orders: dict[str, Any]) -> "subprocess.Popen[bytes]":
    """Start the child as the orders say; what it prints goes to our own standard error."""
    guard, stop_signal = os.getpid(), orders["signal"]

    def prepare() -> None:
        become(orders["identity"])
        die_with_parent(stop_signal)
        if os.getppid() != guard:
            os._exit(1)

    return subprocess.Popen(  # noqa: S603
        orders["command"],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # which is the log
        cwd=orders["folder"],
        umask=0o077,
        preexec_fn=prepare,  # noqa: PLW1509  (this process has one thread)
    )


def wake_ups() -> int:
    """A descriptor that can be read whenever a signal came: the child ended, or we are asked to."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    for signum in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(signum, lambda *_: None)
    for signum in (signal.SIGINT, signal.SIGHUP):  # a terminal's: the owner decides what they mean
        signal.signal(signum, signal.SIG_IGN)
    return reads


def watch(child: "subprocess.Popen[bytes]", wakes: int, orders: dict[str, Any]) -> int:
    """Wait for the child's end; see to it when the owner is gone."""
    while child.poll() is None:
        ready, _, _ = select.select([OWNER, wakes], [], [])
        if OWNER in ready or signal.SIGTERM in read_all(wakes):
            return end(child, orders["signal"], orders["patience"])
    return child.returncode


def end(child: "subprocess.Popen[bytes]", stop_signal: int, patience: float) -> int:
    """Ask the child to end, and kill it after `patience` seconds."""
    child.send_signal(stop_signal)
    try:
        return child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def read_all(wakes: int) -> bytes:
    """The numbers of the signals that came since the last look."""
    try:
        return os.read(wakes, 512)
    except BlockingIOError:
        return b""


def answer(**said: Any) -> None:
    """Tell the owner, if it is still there."""
    with contextlib.suppress(BrokenPipeError):  # the pipe from it says so too, and is heeded next
        os.write(sys.stdout.fileno(), json.dumps(said).encode() + b"\n")


def main() -> int:
    """Run the child of the orders; the exit status is its own, 128 and the signal if one killed it."""
    orders = json.loads(sys.argv[1])
    wakes = wake_ups()
    die_with_parent(signal.SIGTERM)
    if os.getppid() != orders["owner"]:
        return 1
    try:
        child = start(orders)
    except OSError as error:
        answer(error=error.strerror)
        return 1
    except subprocess.SubprocessError:
        answer(error="the identity could not be taken")
        return 1
    answer(pid=child.pid)
    status = watch(child, wakes, orders)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())

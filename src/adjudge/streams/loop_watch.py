"""How late the event loop is, and which handler keeps it.

A handler that computes or sleeps without `await` holds up all others, the renewal of leases, and the answer to probes.
The loop itself cannot tell which handler it was, because by the time it runs again the delay is over. So a thread
looks while it lasts.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from adjudge.streams.observing import Observer

BEAT_SECONDS = 0.1
_FRAMES = 4
_TASKS_OF_HANDLERS = ("run ", "batch ")

log = logging.getLogger("adjudge.streams")


class LoopWatch:
    """Measures the running loop for the length of a block.

    From `warn_seconds` of delay on the observer hears of it, in the loop, once it is over, with the subscription
    whose handler it was (empty: none of them, or an extension that kept the interpreter's lock, which holds up the
    watching thread too) and the place in the code. From `stall_seconds` on it is said in the log at once.
    """

    def __init__(
        self,
        observer: Observer,
        *,
        warn_seconds: float = 0.25,
        stall_seconds: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer, self._monotonic = observer, monotonic
        self._warn_seconds, self._stall_seconds = warn_seconds, stall_seconds
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._due_at = monotonic() + BEAT_SECONDS
        self._seen: tuple[str, str] | None = None
        self._worst = 0.0
        self._told_at = monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="loop watch", daemon=True)

    def __enter__(self) -> Self:
        self._due_at = self._monotonic() + BEAT_SECONDS
        self._timer = self._loop.call_later(BEAT_SECONDS, self._beat)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        self._ended.set()
        self._thread.join(timeout=1.0)

    @property
    def blocked_seconds(self) -> float:
        """How late the loop is at this moment. May be asked in any thread."""
        return max(0.0, self._monotonic() - self._due_at)

    @property
    def trouble(self) -> str | None:
        """Why the process should be replaced; None: it need not be. May be asked in any thread."""
        if self.blocked_seconds < self._stall_seconds:
            return None
        name, where = self._seen or ("", "")
        return f"the event loop stands still for {self.blocked_seconds:.0f} s{_in(name, where)}"

    def _beat(self) -> None:
        now = self._monotonic()
        late, seen = max(0.0, now - self._due_at), self._seen
        self._due_at, self._seen = now + BEAT_SECONDS, None
        self._timer = self._loop.call_later(BEAT_SECONDS, self._beat)
        self._worst = max(self._worst, late)
        if late >= self._warn_seconds:
            name, where = seen or ("", "")
            self._observer.loop_blocked(name, late, where)
        if now - self._told_at >= 1.0:
            self._observer.loop_delay(self._worst)
            self._told_at, self._worst = now, 0.0

    def _look_on(self) -> None:
        """In the thread: sleep until the loop would be too late; look what it does if it is."""
        warned_for = stalled_for = 0.0
        while not self._ended.wait(max(0.01, self._due_at + self._warn_seconds - self._monotonic())):
            due_at = self._due_at
            late = self._monotonic() - due_at
            if late >= self._warn_seconds and warned_for != due_at:
                warned_for = due_at
                self._note(due_at, self._culprit())
            if late >= self._stall_seconds and stalled_for != due_at:
                stalled_for = due_at
                log.error("loop.stalled", extra={"stream": (self._seen or ("",))[0], "reason": self.trouble})

    def _note(self, due_at: float, culprit: tuple[str, str]) -> None:
        if self._due_at == due_at:
            self._seen = culprit

    def _culprit(self) -> tuple[str, str]:
        """The subscription whose handler runs, and where in the code it is."""
        task = asyncio.current_task(self._loop)
        label = task.get_name() if task else ""
        name = next((label.removeprefix(kind) for kind in _TASKS_OF_HANDLERS if label.startswith(kind)), "")
        return name, _place(sys._current_frames().get(self._loop_thread))


def _place(frame: FrameType | None) -> str:
    """The innermost frames, the deepest first."""
    found: list[str] = []
    while frame and len(found) < _FRAMES:
        code = frame.f_code
        found.append(f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " < ".join(found)


def _in(name: str, where: str) -> str:
    return (f" in the handler of {name}" if name else "") + (f" at {where}" if where else "")

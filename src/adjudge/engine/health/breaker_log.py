"""How breakers are reported beside the list of deciders: by a gauge, and by a log line for each change."""

from collections.abc import Iterable

import structlog

from adjudge.deciders import DeciderState
from adjudge.telemetry import names
from adjudge.telemetry.standing import Standing

log = structlog.get_logger()


class BreakerLog:
    """What one process has said of its breakers. A probe that fails is no news: the breaker was not closed."""

    def __init__(self) -> None:
        self._open: dict[str, DeciderState] = {}
        self._standing = Standing(names.BREAKER_OPEN)

    def look(self, states: Iterable[DeciderState]) -> None:
        """Tell what has changed since the look before; of a decider that is asked no more, nothing is open."""
        found = {state.id: state for state in states}
        for name, state in found.items():
            names.BREAKER_OPEN.labels(name).set(state.breaker != "closed")
            self._note(name, state)
        self._standing.are((name,) for name in found)
        self._open = {name: state for name, state in self._open.items() if name in found}

    def _note(self, name: str, state: DeciderState) -> None:
        before = self._open.get(name)
        if state.breaker == "closed":
            if self._open.pop(name, None) is not None:
                log.info("breaker.closed", decider=name)
        elif before is None or before.fault != state.fault:
            self._open[name] = state
            log.warning(
                "breaker.opened",
                decider=name,
                fault=state.fault,
                reason=state.reason,
                until=None if state.until is None else state.until.isoformat(),
            )

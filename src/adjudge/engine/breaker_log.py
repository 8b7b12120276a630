"""A line in the log for each breaker that opens or closes: who reads logs alone learns of it too."""

from collections.abc import Iterable

import structlog

from adjudge.deciders import DeciderState

log = structlog.get_logger()


class BreakerLog:
    """What one process has said of its breakers. A probe that fails is no news: the breaker was not closed."""

    def __init__(self) -> None:
        self._open: dict[str, DeciderState] = {}

    def look(self, states: Iterable[DeciderState]) -> None:
        """Log what has changed since the look before."""
        for state in states:
            before = self._open.get(state.id)
            if state.breaker == "closed":
                if self._open.pop(state.id, None) is not None:
                    log.info("breaker.closed", decider=state.id)
            elif before is None or before.fault != state.fault:
                self._open[state.id] = state
                log.warning(
                    "breaker.opened",
                    decider=state.id,
                    fault=state.fault,
                    reason=state.reason,
                    until=None if state.until is None else state.until.isoformat(),
                )

"""Structured logs: one JSON object a line, one event for each thing that ended."""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from adjudge.telemetry import tracing


class Forgiving:
    """A stream whose faults cost a line and nothing else: a disk that is full, a reader that has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what can be handed on."""
        with suppress(OSError):
            self._stream.flush()


def configure(process: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Write JSON lines, to standard output where no stream is given, libraries' records included."""
    out = cast("TextIO", Forgiving(stream or sys.stdout))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        tracing.annotated,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    rendered = structlog.processors.JSONRenderer(default=str)  # an id as it is written everywhere else
    structlog.configure(
        processors=[*shared, rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(out),  # a line and its end at once: models write there too
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared], processor=rendered
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.contextvars.bind_contextvars(process=process)

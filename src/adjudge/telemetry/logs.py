"""Structured logs: one JSON object a line, one event for each thing that ended."""

import logging
import sys
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

from adjudge.telemetry import tracing

OF_LIBRARIES: Final = "library.logged"
"""The event of a record that is not ours: what it says, in words that may be others tomorrow, is its `message`."""
OURS: Final = "adjudge"


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

    def named(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        name = line["_record"].name
        if name.partition(".")[0] != OURS:
            line.update(event=OF_LIBRARIES, message=line["event"], logger=name)
        line.setdefault("process", process)  # a library's thread knows no context
        return line

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
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared, named], processor=rendered
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.contextvars.bind_contextvars(process=process)

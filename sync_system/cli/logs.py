"""Logging, set up once at the start of a command: to stderr, for people or for machines.

Never with the values of local variables in a traceback: they hold leads.
"""

import logging
import sys
from typing import Any

import orjson
import structlog

# What they say when a connection breaks is said by us as well, once and in our words.
QUIET = ("aiormq", "aio_pika", "pika", "asyncio", "uvicorn.error")


def set_up(format: str, level: str) -> None:
    """Send all logs of this level and above to stderr; those of libraries from warnings on."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(format)
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _set_up_libraries(shared, rendering)


def _rendering(format: str) -> list[Any]:
    if format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )
    return [console]


def _json(entry: Any, **_: Any) -> str:
    return orjson.dumps(entry, default=str).decode()


def _set_up_libraries(shared: list[Any], rendering: list[Any]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)

"""Logs go to stderr, one line an event, and never hold what a frame's variables held."""

import json
import subprocess
import sys
import textwrap

import pytest

CODE = """
import logging
import structlog
from sync_system.cli import logs
logs.set_up({format!r}, "info")
log = structlog.get_logger("somewhere")
log.debug("too.quiet")
log.info("lead.seen", record="r1")
logging.getLogger("library").warning("from a library")
logging.getLogger("aiormq").warning("said by us as well")
def fails(email):
    raise ValueError("no")
try:
    fails("somebody" + "@example.com")
except ValueError:
    log.exception("it.failed")
"""


def logged(format):
    code = textwrap.dedent(CODE).format(format=format)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_json_has_one_object_a_line():
    entries = [json.loads(line) for line in logged("json").splitlines()]
    assert [entry["event"] for entry in entries] == ["lead.seen", "from a library", "it.failed"]
    assert entries[0]["record"] == "r1"
    assert entries[0]["level"] == "info"


@pytest.mark.parametrize("format", ["json", "console"])
def test_traceback_shows_no_variables(format):
    text = logged(format)
    assert "ValueError" in text
    assert "somebody@example.com" not in text


def test_console_shows_what_libraries_warn_of():
    text = logged("console")
    assert "from a library" in text
    assert "too.quiet" not in text
    assert "said by us" not in text

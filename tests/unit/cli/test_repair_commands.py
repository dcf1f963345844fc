"""Commands that show and repair failures: thin over their services, in sentences, as JSON, on an empty ledger too."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

import migrations
from sync_system.cli import logs
from sync_system.cli.commands import commands
from sync_system.cli.screens import showing
from sync_system.cli.screens.rejected import marked
from sync_system.cli.screens.story import in_words
from sync_system.cli.times import since
from sync_system.services.mending import Rejected
from sync_system.services.story import ReceiptLine
from tests.configured import configured

SECOND = 1_000_000


@pytest.fixture
def config(tmp_path, monkeypatch):
    url = f"sqlite+aiosqlite:///{tmp_path}/ledger.db"
    asyncio.run(migrations.upgrade(url))
    values = {
        "DATABASE": url, "BROKER": "amqp://guest:guest@127.0.0.1:1/", "PUBLIC_URL": "http://127.0.0.1:1", "PORT": "0",
        "APPLICATION": "http://127.0.0.1:1", "APPLICATION_TOKEN": "none", "CRM": "http://127.0.0.1:1",
        "CRM_TOKEN": "none", "CRM_SECRET": "none",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(f"SANDBOX_{name}", value)
    file = tmp_path / "sync.yaml"
    file.write_text(configured({"systems": {"crm": {"replay": {"schedule": "0 9 * * *", "timezone": "Asia/Kolkata"}}}}))
    monkeypatch.setenv("SYNC_CONFIG", str(file))
    monkeypatch.setattr(logs, "set_up", lambda *_: None)  # it is for the whole process, and this one has more tests
    return file


def call(*words, **more):
    return CliRunner().invoke(commands(), words, **more)


COMMANDS = [
    "failures",
    "show",
    "retry",
    "park",
    "rejected list",
    "rejected mend",
    "schedule preview",
    "schedule simulate",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    found = call(*command.split(), "--help")
    assert (found.exit_code, "Usage" in found.output) == (0, True)


def test_empty_ledger_has_nothing_to_repair(config):
    assert call("failures").output == "Nothing is failed or parked.\n"
    assert call("retry", "--system", "crm", "--dry-run").output == "There is nothing to retry.\n"
    assert call("rejected", "list").output == "No message waits to be mended.\n"
    assert call("schedule", "simulate", "crm").output.startswith("Nothing to crm has failed since ")
    retried = call("retry", "--since", "4h", "--yes")
    assert (retried.exit_code, retried.output) == (1, "retried: nothing\n")


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (["failures"], {"failures": []}),
        (["retry", "--system", "crm", "--dry-run"], {"total": 0, "counts": [], "listed": []}),
        (["retry", "--system", "crm", "--yes"], {"retried": {}, "came_from": {}, "overtaken": 0, "stopped": ""}),
        (["rejected", "list"], {"rejected": []}),
    ],
)
def test_json_is_printed_alone(config, words, shape):
    assert json.loads(call(*words, "--json").stdout) == shape


def test_preview_shows_both_clocks(config):
    document = json.loads(call("schedule", "preview", "crm", "-n", "2", "--json").stdout)
    assert [moment[11:] for moment in document["next"]] == ["03:30:00Z", "03:30:00Z"]
    text = call("schedule", "preview", "crm", "-n", "1").output
    assert ("Asia/Kolkata" in text, "09:00:00" in text) == (True, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "nobody@example.com"], "there is nothing known as 'nobody@example.com'"),
        (["retry", "0"], "there is nothing known as '0'"),
        (["park", "crm:1", "--reason", "wait"], "there is nothing known as 'crm:1'"),
        (["failures", "--system", "crn"], "unknown system 'crn'; did you mean 'crm'?"),
        (["schedule", "preview", "crn"], "unknown system 'crn'; did you mean 'crm'?"),
        (["schedule", "simulate", "crm", "--schedule", "every so often"], "is no schedule"),
        (["schedule", "simulate", "crm", "--timezone", "Mars"], "is no time zone"),
        (["rejected", "show", "abcdef"], "there is no rejected message 'abcdef'"),
        (["rejected", "drop", "abcdef", "--reason", "x"], "there is no rejected message 'abcdef'"),
        (["rejected", "mend", "abcdef", "--set", "nothing"], "path=value"),
    ],
)
def test_what_is_not_there_is_one_sentence(config, words, sentence):
    found = call(*words)
    assert (found.exit_code, len(found.stderr.splitlines())) == (1, 1)
    assert sentence in found.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["retry"],
        ["retry", "--since", "yesterday"],
        ["park", "1", "--reason", " "],
        ["park", "1"],
        ["rejected", "mend", "abcdef"],
        ["rejected", "drop", "abcdef"],
    ],
)
def test_misuse_is_told_apart(config, words):
    assert call(*words).exit_code == 2


@pytest.mark.parametrize(
    ("text", "ago"), [("30s", 30), ("5m", 300), ("2 h", 7_200), ("7d", 604_800), ("2026-07-31T23:00:00Z", 3_600)]
)
def test_moments_are_read(text, ago):
    now = datetime(2026, 8, 1, tzinfo=UTC)
    assert since(text, "--since", now) == (int(now.timestamp()) - ago) * SECOND


@pytest.mark.parametrize("text", ["", "soon", "7w", "99999999999d"])
def test_other_moments_are_refused(text):
    with pytest.raises(typer.BadParameter, match="is no time"):
        since(text, "--since")


def test_values_give_the_terminal_no_commands():
    assert showing.plain("a\x1b[31mb\nc") == "a�[31mb␤c"


def test_tables_show_brackets_as_they_are():
    out = showing.console()
    with out.capture() as captured:
        out.print(showing.table("", ["value"], [("[true, false]",)]))
    assert "[true, false]" in captured.get()


def test_receipt_is_told_in_words():
    kept, lost = (2 * SECOND, "crm"), (SECOND, "application")
    assert in_words(ReceiptLine("confirmed", ["a", "b"])) == "a, b: confirmed"
    words = in_words(ReceiptLine("edit", ["city"], kept, lost))
    assert words == f"city: edit; keeps crm's of {showing.when(kept[0])}, not application's of {showing.when(lost[0])}"


def test_place_of_what_is_wrong_is_marked():
    body = '{"data": {"stage": "X", "email": "x"}, "email": "y"}'
    lines, marks = marked(refused(body, "data.email: is not an email address; data.stage: 'X' is not mapped"))
    assert sorted(lines[number].strip() for number in marks) == ['"email": "x"', '"stage": "X",']
    lines, marks = marked(refused('{"id":\n "1" "2"}', "not JSON: Invalid JSON: expected `,` at line 2 column 6"))
    assert marks == {1: "   ◀ column 6"}
    assert marked(refused("", "no JSON"))[1] == {}


def refused(body, reason):
    return Rejected("0" * 32, "crm", "lead", "created", "1", 0, reason, body, None, "")

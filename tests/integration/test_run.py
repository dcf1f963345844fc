"""The service as a process: ready when it is, quiet about secrets, ended in order, and a sentence when it cannot start."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request

import httpx
import pytest

from sync_system.cli.endings import sync_error_in
from sync_system.cli.service import EndedByItself, Service
from sync_system.cli.web import Web, take_port
from sync_system.errors import LedgerUnavailable
from sync_system.sandbox.processes import free_ports

CONFIGURATION = """
database: {database}
broker: {broker}
api: {{port: {port}}}
log: {{format: json}}
systems:
  application: {{connector: rest, base_url: "http://127.0.0.1:1", lead: {{key_field: null, fields: {{email: email}}}}}}
  crm: {{connector: rest, base_url: "http://127.0.0.1:1", lead: {{key_field: null, fields: {{email: email}}}}}}
"""
ABSENT = "amqp://guest:the-password@127.0.0.1:1/"


class Command:
    """A running `sync-system`, with what it says."""

    def __init__(self, *words):
        command = [sys.executable, "-m", "sync_system.cli", *map(str, words)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []

    def until(self, event):
        """Read what it says until it says this."""
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith("{") and json.loads(line)["event"] == event:
                return json.loads(line)
        raise AssertionError(f"never said {event}: {self.lines}")

    def ended(self):
        """Wait for its end and return its exit code."""
        out, rest = self.process.communicate(timeout=60)
        self.lines += [*out.splitlines(), *rest.splitlines()]
        return self.process.returncode

    @property
    def text(self):
        return "\n".join(self.lines)


@pytest.fixture
def configured(tmp_path):
    def write(broker, **more):
        file = tmp_path / "sync.yaml"
        known = {"database": f"sqlite+aiosqlite:///{tmp_path}/sync.db", "port": 0, **more}
        file.write_text(CONFIGURATION.format(broker=broker, **known))
        return file

    return write


@pytest.fixture
def command():
    started = []

    def start(*words):
        started.append(Command(*words))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_service_is_ready_and_ends_in_order(broker, configured, command, number):
    service = command("run", "--config", configured(broker.url))
    ready = service.until("service.ready")
    with urllib.request.urlopen(f"{ready['api']}/readyz") as reply:
        assert json.load(reply)["status"] == "ok"
    service.process.send_signal(number)
    assert service.ended() == 0
    assert "service.stopped" in service.text


def test_one_role_runs_without_the_others(broker, configured, command):
    service = command("run", "--config", configured(broker.url), "--role", "replay", "--role", "poll")
    ready = service.until("service.ready")
    assert ready["roles"] == "replay poll"
    assert "api" not in ready
    service.process.send_signal(signal.SIGTERM)
    assert service.ended() == 0


def test_role_without_the_interface_serves_its_metrics(broker, configured, command):
    file = configured(broker.url)
    file.write_text(file.read_text() + "metrics: {port: 0}\n")
    service = command("run", "--config", file, "--role", "replay")
    served = service.until("metrics.served")
    service.until("service.ready")
    with urllib.request.urlopen(f"http://127.0.0.1:{served['port']}/metrics") as reply:
        text = reply.read().decode()
    assert "sync_broker_up 1.0" in text
    assert 'sync_queue_messages{queue="sync.events.crm"} 0.0' in text
    service.process.send_signal(signal.SIGTERM)
    assert service.ended() == 0


def test_missing_broker_is_waited_for_then_named(configured, command):
    service = command("run", "--config", configured(ABSENT), "--wait", "1")
    assert service.until("broker.awaited")["message"] == "waiting for RabbitMQ at 127.0.0.1:1 …"
    assert service.ended() == 1
    assert service.lines[-1].startswith("sync-system: RabbitMQ at 127.0.0.1:1 could not be used within 1 s")
    assert "the-password" not in service.text


def test_port_in_use_is_named_before_anything_starts(configured, command):
    first = command("run", "--config", configured(ABSENT, port=(port := free_ports(1)[0])))
    first.until("broker.awaited")
    second = command("run", "--config", configured(ABSENT, port=port))
    assert second.ended() == 1
    assert second.text.startswith(f"sync-system: cannot listen on 127.0.0.1:{port}")


def test_ledger_that_is_behind_names_the_command(configured, command):
    file = configured(ABSENT)
    behind = command("run", "--no-migrate", "--config", file)
    assert behind.ended() == 1
    assert "run `sync-system migrate`" in behind.text
    assert command("migrate", "--config", file).ended() == 0
    awaited = command("run", "--no-migrate", "--config", file)
    assert awaited.until("broker.awaited")


def test_database_that_is_not_there_is_named(postgres_url, configured, command):
    absent = postgres_url.rpartition("/")[0] + "/nowhere"
    migrated = command("migrate", "--wait", "0", "--config", configured(ABSENT, database=absent))
    assert migrated.ended() == 1
    assert 'database "nowhere" does not exist' in migrated.lines[-1]


def test_events_that_waited_are_taken_in_and_counted(broker, configured, command, tmp_path):
    file, leads = configured(broker.url), tmp_path / "leads.csv"
    leads.write_text("id,email\n1,ada@example.com\n2,nobody\n3,bob@example.com\n")
    imported = command("import", leads, "--system", "application", "--id", "id", "--config", file)
    assert imported.ended() == 0
    assert "published: 2, refused: 1" in imported.text
    service = command("run", "--config", file, "--role", "intake", "--role", "api")
    ready = service.until("service.ready")
    assert wait_for(lambda: received(ready["api"])) == {"accepted": 2}
    shown = command("status", "--json", "--config", file)
    assert shown.ended() == 0
    status = json.loads("\n".join(shown.lines))
    assert {one["name"]: one["pending"] for one in status["systems"]} == {"application": 0, "crm": 2}
    queues = {one["name"]: (one["messages"], one["consumers"]) for one in status["queues"]}
    assert queues["sync.events.application"] == (0, 1)


def received(url):
    with urllib.request.urlopen(f"{url}/v1/stats") as reply:
        return json.load(reply)["total"]["received"].get("application")


def wait_for(ask):
    until = time.monotonic() + 30
    while not (found := ask()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_import_of_nothing_fails(broker, configured, command, tmp_path):
    leads, refused = tmp_path / "leads.csv", tmp_path / "refused.csv"
    leads.write_text("id,email\n1,nobody\n")
    words = ("--system", "application", "--id", "id", "--refused", refused)
    imported = command("import", leads, *words, "--config", configured(broker.url))
    assert imported.ended() == 1
    assert refused.read_text().splitlines() == ["line,reason", "2,email: is not an email address"]


def test_check_finds_what_does_not_answer(broker, configured, command):
    checked = command("check", "--config", configured(broker.url))
    assert checked.ended() == 1
    assert "ok  RabbitMQ at 127.0.0.1" in checked.text
    assert checked.text.count("problem  ") == 2


def test_check_of_the_file_alone_connects_to_nothing(configured, command):
    checked = command("check", "--offline", "--config", configured(ABSENT))
    assert checked.ended() == 0
    assert "failures are replayed" in checked.text


async def test_port_is_closed_when_another_part_of_the_service_fails():
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def fail_once_it_listens():
        await web.listening.wait()
        async with httpx.AsyncClient() as client:
            assert (await client.get(web.url)).status_code == 204
        raise LedgerUnavailable("gone")

    async def run():
        async with asyncio.TaskGroup() as group:
            group.create_task(web.run_until(asyncio.Event()))
            group.create_task(fail_once_it_listens())

    web = Web(answer, take_port("127.0.0.1", 0))
    with pytest.raises(ExceptionGroup):
        await run()
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(web.url)


@pytest.mark.parametrize("ending", [asyncio.CancelledError, None])
async def test_part_that_ends_by_itself_ends_the_service(ending):
    async def part(stop):
        if ending:
            raise ending

    class Bare(Service):
        def __init__(self):
            self.runs, self.roles, self.web, self.stop = [part], [], None, asyncio.Event()

    with pytest.raises(ExceptionGroup) as caught:
        await Bare().run()
    assert isinstance(sync_error_in(caught.value), EndedByItself)

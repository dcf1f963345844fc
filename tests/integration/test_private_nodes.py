"""Private nodes keep their data and URL through a crash, listen on loopback alone, and end with their parent."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import pika
import pytest

from sync_system.sandbox.errors import NothingToRun, NotOurs
from sync_system.sandbox.nodes import PostgresNode, RabbitNode, private_broker, private_postgres
from sync_system.sandbox.nodes.packages import unpacked
from sync_system.sandbox.nodes.postgres import searchable
from sync_system.sandbox.processes import Account, free_ports

PROJECT = Path(__file__).parents[2]
NOBODY = Account(65534, 65534)
# RabbitMQ keeps a new queue's declaration in memory for up to 2 s: a node killed before that has never had the queue.
DECLARED_SECONDS = 3


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(*pids: int) -> None:
    end = time.monotonic() + 30
    while any(exists(pid) for pid in pids):
        assert time.monotonic() < end, f"still there: {pids}"
        time.sleep(0.05)


def listening_addresses(pid: int) -> set[str]:
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    inodes = {match[1] for name in sockets if (match := re.match(r"socket:\[(\d+)\]", name))}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def publish(url: str, text: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True)
        channel.basic_publish("", "kept", text, pika.BasicProperties(delivery_mode=2))


def fetch(url: str) -> bytes | None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        return connection.channel().basic_get("kept", auto_ack=True)[2]


def test_broker_keeps_message_and_url_through_kill(tmp_path: Path) -> None:
    with private_broker(tmp_path / ("deep" * 30), controllable=True) as broker:
        url = broker.url
        publish(url, b"still here")
        assert isinstance(broker.private, RabbitNode)
        assert broker.private._process
        assert broker.private._epmd_process
        pids = broker.private._process.pid, broker.private._epmd_process.pid
        assert set().union(*(listening_addresses(pid) for pid in pids)) <= {"0100007F", "0" * 24 + "01000000"}
        time.sleep(DECLARED_SECONDS)
        broker.kill()
        wait_until_gone(*pids)
        broker.start()
        assert broker.url == url
        assert fetch(url) == b"still here"


@pytest.mark.parametrize("node", ["RabbitNode", "PostgresNode"])
def test_node_ends_when_its_parent_is_killed(tmp_path: Path, node: str) -> None:
    script = (
        "import sys, pathlib; from sync_system.sandbox.nodes import *;"
        f"node = {node}(pathlib.Path(sys.argv[1])).start();"
        "print(node._process.pid, getattr(node, '_epmd_process', node._process).pid, node.folder, flush=True);"
        "sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    )
    with parent:
        assert parent.stdout
        pid, companion, folder = parent.stdout.readline().decode().split(maxsplit=2)
        assert exists(int(pid))
        assert exists(int(companion))
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(int(pid), int(companion))
    if not Path(folder.strip()).is_relative_to(tmp_path):
        shutil.rmtree(folder.strip())


def interpreter_for(account: Account) -> str | None:
    for candidate in (sys.executable, "/usr/bin/python3"):
        path = Path(candidate).resolve()
        if path.exists() and searchable(path.parent, account) and searchable(PROJECT, account):
            return str(path)
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not interpreter_for(NOBODY), reason="an ordinary user has no interpreter here")
def test_unpacked_broker_runs_as_ordinary_user() -> None:
    script = (
        "import sys, pathlib; from sync_system.sandbox.nodes import *;"
        "from sync_system.sandbox.nodes.packages import unpacked;"
        "base = pathlib.Path(sys.argv[1]);"
        "tree = unpacked('rabbitmq-server', base / 'packages', regardless_of='rabbitmq-server|erlang');"
        "node = RabbitNode(base / 'node', tree=tree);"
        "node.start(); print(pathlib.Path(f'/proc/{node._process.pid}/exe').readlink()); node.stop()"
    )
    base = Path(tempfile.mkdtemp(prefix="sync-nodes-"))
    try:
        os.chown(base, NOBODY.uid, NOBODY.gid)
        done = subprocess.run(
            [str(interpreter_for(NOBODY)), "-c", script, base],
            cwd=PROJECT,
            env=os.environ | {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
            user=NOBODY.uid,
            group=NOBODY.gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert Path(done.stdout.strip()).is_relative_to(base)
    finally:
        shutil.rmtree(base)


async def test_database_keeps_rows_and_url_through_kill(tmp_path: Path) -> None:
    with private_postgres(tmp_path, controllable=True, durable=True) as database:
        assert isinstance(database.private, PostgresNode)
        assert database.private._process
        connection = await asyncpg.connect(database.url)
        await connection.execute("create table kept (word text)")
        await connection.execute("insert into kept values ('still here')")
        assert listening_addresses(database.private._process.pid) == {"0100007F"}
        connection.terminate()
        database.kill()
        database.start()
        connection = await asyncpg.connect(database.url)
        assert await connection.fetchval("select word from kept") == "still here"
        await connection.close()


def test_named_broker_is_used_and_not_controlled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_BROKER", "amqp://guest:guest@127.0.0.1:9/")
    with private_broker(tmp_path) as broker:
        assert broker.url == "amqp://guest:guest@127.0.0.1:9/"
        with pytest.raises(NotOurs):
            broker.stop()


def test_machine_without_anything_is_told_three_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_BROKER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sync_system.sandbox.nodes.rabbitmq.SERVER", "/nonexistent/rabbitmq-server")
    with (
        pytest.raises(NothingToRun, match=r"set SYNC_BROKER.*start Docker.*install rabbitmq-server"),
        private_broker(tmp_path, packages=tmp_path),
    ):
        pass


def test_unknown_package_gives_apt_reason(tmp_path: Path) -> None:
    if not shutil.which("apt-get"):
        pytest.skip("no apt-get here")
    with pytest.raises(NothingToRun, match="no-such-package-anywhere"):
        unpacked("no-such-package-anywhere", tmp_path)


def test_free_ports_avoid_the_ephemeral_range() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768

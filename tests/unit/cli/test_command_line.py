"""The command line says what is wrong in a sentence, ends with a documented code, and is quick to help."""

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from consumers.roles import ROLES
from sync_system.cli.commands import commands
from sync_system.cli.endings import Commands
from sync_system.cli.options import Invocation
from sync_system.cli.run import Role
from sync_system.errors import BrokerUnavailable, ConfigurationError

HEAVY = ("sqlalchemy", "aio_pika", "fastapi", "uvicorn", "httpx", "structlog", "phonenumbers", "alembic")


def call(*words, app=None):
    return CliRunner().invoke(app or commands(), words)


def failing(error):
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @app.callback()
    def root(context: typer.Context, debug: bool = False) -> None:
        context.obj = Invocation(debug=debug)

    @app.command()
    def fail() -> None:
        raise error

    return app


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from sync_system.cli.commands import commands
commands()
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["run", "check", "status", "compare", "migrate", "import", "config"])
def test_every_command_explains_itself(command):
    found = call(command, "--help")
    assert found.exit_code == 0
    assert "Usage" in found.output


def test_missing_configuration_is_one_sentence(tmp_path):
    found = call("check", "--config", str(tmp_path / "absent.yaml"))
    assert found.exit_code == 1
    assert found.stderr == f"sync-system: {tmp_path}/absent.yaml cannot be read: No such file or directory\n"


def test_every_problem_of_a_configuration_has_a_line(tmp_path):
    file = tmp_path / "sync.yaml"
    file.write_text("databas: x\nbrokr: y\n")
    lines = call("check", "--config", str(file)).stderr.splitlines()
    assert lines[0] == f"sync-system: {file} has 3 problems:"
    assert [line.removeprefix(f"{file}:")[0] for line in lines[1:]] == ["1", "1", "2"]


def test_problems_that_the_message_lacks_are_added():
    found = call("fail", app=failing(ConfigurationError("it is wrong", ("here", "there"))))
    assert found.stderr == "sync-system: it is wrong\nhere\nthere\n"


def test_configuration_may_be_named_before_the_command(tmp_path):
    found = call("--config", str(tmp_path / "absent.yaml"), "check")
    assert f"{tmp_path}/absent.yaml" in found.stderr


def test_environment_names_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNC_CONFIG", str(tmp_path / "absent.yaml"))
    assert f"{tmp_path}/absent.yaml" in call("check").stderr


def test_unknown_command_is_misused():
    found = call("rum")
    assert found.exit_code == 2
    assert "run" in found.stderr


def test_bug_hides_its_words_and_traceback():
    found = call("fail", app=failing(KeyError("somebody@example.com")))
    assert found.exit_code == 1
    assert found.stderr == "sync-system: sync-system has a bug here: KeyError; --debug shows where\n"


def test_debug_shows_the_traceback_of_a_bug():
    assert "Traceback" in call("--debug", "fail", app=failing(KeyError("x"))).stderr


def test_group_of_our_errors_is_one_sentence():
    group = ExceptionGroup("several", [BrokerUnavailable("the broker is away"), BrokerUnavailable("so it is")])
    assert call("fail", app=failing(group)).stderr == "sync-system: the broker is away\n"


def test_every_role_can_be_chosen():
    assert set(ROLES) <= {str(role) for role in Role}


def test_schema_of_the_configuration_is_printed():
    found = call("config", "schema")
    assert found.exit_code == 0
    assert '"$schema"' in found.stdout


def test_map_option_needs_a_pair(tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("id,email\n")
    found = call("import", str(file), "--system", "application", "--id", "id", "--map", "email")
    assert found.exit_code == 2
    assert "COLUMN=FIELD" in found.stderr

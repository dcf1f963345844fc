"""The container files are sound as far as that can be seen without running them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sync_system.cli.run import Role
from sync_system.connectors.registry import connector_types
from sync_system.settings import load

DOCKER = Path(__file__).parents[3] / "docker"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
OURS = {"migrate", *map(str, Role)}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def test_dockerfile_passes_its_linter():
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_image_does_not_run_as_root():
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1].partition(":")[0] not in {"0", "root"}


def test_everything_copied_into_the_image_is_not_ignored():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    let_in = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sources == let_in


def test_every_role_has_a_service(services):
    roles = {service["command"][-1] for name, service in services.items() if name in OURS - {"migrate"}}
    assert roles == {str(role) for role in Role}
    assert services["migrate"]["command"] == ["migrate"]


def test_services_wait_for_services_that_are_there(services):
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed]
    assert services["migrate"]["depends_on"].keys() == {"postgres"}


def test_mounted_files_and_volumes_are_there(compose, services):
    for service in services.values():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert (DOCKER / source).is_file() if source.startswith("./") else source in compose["volumes"]


def test_our_services_cannot_do_more_than_they_must(services):
    for name in OURS:
        service = services[name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["init"]  # without it the process would be number 1, and SIGTERM ignored until it listens


def test_only_the_webhook_port_is_open_to_others(services):
    ports = {name: port for name, service in services.items() for port in service.get("ports", [])}
    assert {name for name, port in ports.items() if not port.startswith("127.0.0.1:")} == {"api"}


def test_prometheus_asks_every_role_without_the_interface(services):
    scraped = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"][0]
    asked = scraped["dns_sd_configs"][0]
    settings = yaml.safe_load((DOCKER / "sync.yaml").read_text())
    assert set(asked["names"]) == {str(role) for role in Role} - {"api"}
    assert asked["port"] == settings["metrics"]["port"]


def test_no_secret_stands_in_the_files(services):
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASS", "TOKEN", "SECRET", "DATABASE", "BROKER")):
                assert VARIABLE.search(value), name


def test_readme_names_every_variable_that_must_be_set():
    text, readme = (DOCKER / "compose.yaml").read_text(), (DOCKER / "README.md").read_text()
    needed = {found[1] for found in VARIABLE.finditer(text) if found[2] == "?"}
    assert {name for name in needed if f"\n{name}=" not in readme} == set()


def test_sample_configuration_is_valid(services):
    environment = {name: resolved(value) for name, value in services["intake"]["environment"].items()}
    settings = load(DOCKER / "sync.yaml", connector_types(), environment)
    assert list(settings.systems) == ["application", "hubspot"]
    assert f"127.0.0.1:{settings.root.api.port}" in (DOCKER / "Caddyfile").read_text()
    assert f":{settings.root.api.port}/readyz" in str(services["api"]["healthcheck"])


def resolved(value):
    known = {"APP_URL": "https://app.example.com", "SYNC_PUBLIC_URL": "https://sync.example.com"}
    return VARIABLE.sub(lambda found: known.get(found[1], "x"), value)

"""Alert rules, the dashboard and the guide speak of metrics that are really exported."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from sync_system.services.figures import Known, Seen
from sync_system.services.status import QueueStatus
from sync_system.telemetry.exposition import exposed
from sync_system.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[3]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "docker/prometheus/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((ROOT / "docker/grafana/sync-system.json").read_text())["panels"]
GUIDE = (ROOT / "docs/monitoring.md").read_text()


@pytest.fixture(scope="module")
def exported():
    known = Known(0, {}, {}, {}, {}, {}, {}, {}, {})
    families = {
        one.name + ("_total" if one.type == "counter" else "") for one in exposed(Seen(known, [QueueStatus("q", 0, 0)]))
    }
    own = re.findall(rb"^# TYPE (sync_\w+) histogram$", generate_latest(Metrics(None).registry), re.MULTILINE)
    return families | {name.decode() for name in own}


def named(expression):
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bsync_\w+", expression)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rule_speaks_of_metrics_that_are_exported(rule, exported):
    assert named(rule["expr"])
    assert named(rule["expr"]) <= exported
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_shows_metrics_that_are_exported(panel, exported):
    for target in panel["targets"]:
        assert named(target["expr"])
        assert named(target["expr"]) <= exported


def test_guide_names_every_metric_and_rule(exported):
    assert {name for name in exported if f"`{name}`" not in GUIDE} == set()
    assert set(re.findall(r"`(sync_\w+)`", GUIDE)) <= exported
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"`(Sync\w+)`", GUIDE))

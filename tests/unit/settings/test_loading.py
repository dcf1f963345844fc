"""The configuration file becomes typed values, with a default for everything that it leaves out."""

import pytest
from pydantic import SecretStr

from sync_system.errors import ConfigurationError
from sync_system.settings import load

FULL = """
    database: postgresql+asyncpg://sync:${DB_PASSWORD}@db.example.com/sync
    broker: amqps://sync:secret@rabbit.example.com/leads
    public_url: https://sync.example.com/
    api: {host: 127.0.0.1, port: "${PORT}"}
    intake: {batch: 100, linger: 5ms, in_flight: 2}
    log: {format: json, level: debug}
    objects:
      lead:
        match: [[email], [phone]]
        default_region: IN
        on_delete: propagate
        fields: {exhibition: {type: text, max_length: 120}}
      company: {match: [[name]], fields: {name: {max_length: 200}, size: {type: integer}}}
    systems:
      application:
        connector: paper
        base_url: https://app.example.com
        timeout: 10s
        skew: 500ms
        allow_private: true
        lead: {upsert: {path: "/leads/{key}"}, reports: changes, fields: {email: mail, exhibition: fair}}
        company: {fields: {name: title}}
        delivery: {batch: 50, linger: 1s, concurrency: 2, lease: 1m}
        replay: {schedule: "0 */4 * * *", timezone: Asia/Kolkata, max_attempts: 8, give_up_after: 2d, on_recovery: false}
        rate: {calls: 100, per: 10s}
        poll: {every: 5m}
      crm:
        connector: drum
        token: ${file:token.txt}
        webhook: {secret: "${SECRET}"}
        lead: {fields: {email: email}}
"""


@pytest.fixture
def full(loaded, tmp_path):
    (tmp_path / "token.txt").write_text("drum-token\n")
    return loaded(FULL, DB_PASSWORD="hunter2", PORT="9090", SECRET="quiet")


def test_common_keys_are_typed(full):
    system = full.systems["application"].common
    assert (system.timeout, system.skew, system.allow_private) == (10.0, 0.5, True)
    assert (system.delivery.linger, system.delivery.lease) == (1.0, 60.0)
    assert (system.rate.calls, system.rate.per, system.poll.every) == (100, 10.0, 300.0)
    assert (system.replay.max_attempts, system.replay.give_up_after, system.replay.on_recovery) == (8, 172_800.0, False)


def test_connectors_get_their_own_keys(full):
    application, crm = full.systems["application"], full.systems["crm"]
    assert application.settings.base_url == "https://app.example.com"
    assert application.objects["lead"].settings.upsert.path == "/leads/{key}"
    assert (application.connector, crm.connector) == ("paper", "drum")
    assert application.objects["lead"].reports == "changes"
    assert crm.objects["lead"].reports == "rows"


def test_secrets_come_from_outside_and_stay_hidden(full):
    assert full.systems["crm"].settings.token == SecretStr("drum-token")
    assert full.root.database.get_secret_value() == "postgresql+asyncpg://sync:hunter2@db.example.com/sync"
    assert full.root.api.port == 9090
    for secret in ("hunter2", "drum-token", "quiet"):
        assert secret not in repr(full)


def test_defaults_stand_for_what_is_left_out(loaded):
    settings = loaded("systems: {crm: {connector: drum, token: t, lead: {fields: {email: email}}}}")
    assert settings.root.database.get_secret_value() == "sqlite+aiosqlite:///sync.db"
    assert (settings.root.api.host, settings.root.api.port) == ("127.0.0.1", 8080)
    common = settings.systems["crm"].common
    assert (common.skew, common.replay.schedule, common.replay.max_attempts) == (2.0, "every 1h", 5)
    assert list(settings.objects) == ["lead"]


def test_yaml_keeps_words_and_times_as_text(loaded):
    settings = loaded("""
        systems:
          crm:
            connector: drum
            token: 12:30
            lead:
              fields:
                status: {name: stage, values: {new: no, contacted: on, qualified: 1}}
    """)
    crm = settings.systems["crm"]
    assert crm.settings.token.get_secret_value() == "12:30"
    assert crm.objects["lead"].fields["status"].values == {"new": "no", "contacted": "on", "qualified": 1}


def test_anchors_can_be_shared_between_systems(loaded):
    settings = loaded("""
        x-retry: &retry {schedule: every 2h, max_attempts: 9}
        systems:
          one: {connector: drum, token: a, replay: *retry, lead: {fields: {email: email}}}
          two: {connector: drum, token: b, replay: {<<: *retry, max_attempts: 3}, lead: {fields: {email: email}}}
    """)
    assert settings.systems["one"].common.replay.max_attempts == 9
    assert settings.systems["two"].common.replay.schedule == "every 2h"
    assert settings.systems["two"].common.replay.max_attempts == 3


def test_dollars_can_be_written_as_themselves(loaded):
    settings = loaded("systems: {crm: {connector: drum, token: '$${A}$5', lead: {fields: {email: email}}}}")
    assert settings.systems["crm"].settings.token.get_secret_value() == "${A}$5"


def test_file_is_read_with_its_byte_order_mark(tmp_path, kinds):
    path = tmp_path / "sync.yaml"
    path.write_bytes(b"\xef\xbb\xbfsystems: {crm: {connector: drum, token: t, lead: {fields: {email: email}}}}\n")
    assert list(load(path, kinds, {}).systems) == ["crm"]


def test_absent_file_is_a_configuration_error(tmp_path, kinds):
    with pytest.raises(ConfigurationError, match=r"absent\.yaml cannot be read: No such file"):
        load(tmp_path / "absent.yaml", kinds, {})

"""Every mistake in the configuration is told with its line, its path and what was probably meant, all at once."""

import pytest

SYSTEM = """
systems:
  crm:
    connector: drum
    token: t
    lead:
      fields: {email: email}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "databse: x" + SYSTEM,
            "sync.yaml:1: databse: unknown key 'databse'; did you mean 'database'?",
            id="top-level",
        ),
        pytest.param(
            SYSTEM + "    dilivery: {batch: 3}",
            "sync.yaml:8: systems.crm.dilivery: unknown key 'dilivery'; did you mean 'delivery'?",
            id="system",
        ),
        pytest.param(
            SYSTEM + "    webhook: {secrt: x}",
            "sync.yaml:8: systems.crm.webhook.secrt: unknown key 'secrt'; did you mean 'secret'?",
            id="within-a-connectors-block",
        ),
        pytest.param(
            SYSTEM + "    webhook: {tolerance: 3}",
            "sync.yaml:8: systems.crm.webhook.secret: is required",
            id="missing",
        ),
        pytest.param(
            SYSTEM.replace("drum", "drumm"),
            "sync.yaml:4: systems.crm.connector: unknown connector 'drumm'; did you mean 'drum'?",
            id="connector",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "e_mail: email"),
            "sync.yaml:7: systems.crm.lead.fields.e_mail: unknown field of lead 'e_mail'; did you mean 'email'?",
            id="canonical-field",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "status: {name: s, values: {nwe: N}}"),
            "sync.yaml:7: systems.crm.lead.fields.status.values.nwe: unknown value of status 'nwe'; did you mean 'new'?",
            id="canonical-value",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "status: {name: s, inbound: {N: nwe}}"),
            "sync.yaml:7: systems.crm.lead.fields.status.inbound.N: unknown value of status 'nwe'; did you mean 'new'?",
            id="inbound-value",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "email: {name: email, rule: two_ways}"),
            "sync.yaml:7: systems.crm.lead.fields.email.rule: 'two_ways' is not possible here; did you mean 'two_way'?",
            id="rule",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "email: {name: email, rul: ignore}"),
            "sync.yaml:7: systems.crm.lead.fields.email.rul: unknown key 'rul'; did you mean 'rule'?",
            id="within-a-field",
        ),
        pytest.param(
            SYSTEM + "    replay: {schedule: 0 25 * * *}",
            "sync.yaml:8: systems.crm.replay.schedule: '0 25 * * *' is no cron expression (Bad hour): write "
            "`every 30m` (s, m, h or d), or five cron fields like `0 */4 * * *`",
            id="schedule",
        ),
        pytest.param(
            SYSTEM + "    replay: {timezone: Asia/Kolkatta}",
            "sync.yaml:8: systems.crm.replay.timezone: 'Asia/Kolkatta' is no time zone: write a name like Asia/Kolkata"
            "; did you mean 'Asia/Kolkata'?",
            id="timezone",
        ),
        pytest.param(
            SYSTEM + "    timeout: 30",
            "sync.yaml:8: systems.crm.timeout: a duration has a unit, like 50ms, 30s, 5m, 4h or 7d",
            id="duration-without-unit",
        ),
        pytest.param(
            SYSTEM + "    delivery: {lease: 10s}",
            "sync.yaml:8: systems.crm.delivery.lease: must be longer than `timeout`, or a slow call outlives its claim",
            id="lease",
        ),
        pytest.param(
            SYSTEM + "    delivery: {batch: many}",
            "sync.yaml:8: systems.crm.delivery.batch: expected a whole number",
            id="number",
        ),
        pytest.param(
            SYSTEM + "objects: {lead: {match: [[email], [fone]]}}",
            "sync.yaml:8: objects.lead.match[1][0]: unknown field 'fone'; did you mean 'phone'?",
            id="match",
        ),
        pytest.param(
            SYSTEM + "objects: {lead: {default_region: XX}}",
            "sync.yaml:8: objects.lead.default_region: unknown region 'XX'",
            id="region",
        ),
        pytest.param(
            SYSTEM + "objects: {lead: {fields: {email: {type: text}}}}",
            "sync.yaml:8: objects.lead.fields.email.type: this built-in field holds email; give yours another name",
            id="built-in-type",
        ),
        pytest.param(
            SYSTEM + "objects: {lead: {fields: {fair: {values: [a]}}}}",
            "sync.yaml:8: objects.lead.fields.fair.values: only a field of type enum has values",
            id="values-without-enum",
        ),
        pytest.param(
            SYSTEM.replace("email: email", "email: mail, company: mail"),
            "sync.yaml:7: systems.crm.lead.fields.company: is written to 'mail', and so is email; make one `in_only`",
            id="two-fields-one-name",
        ),
        pytest.param(
            SYSTEM.replace("    lead:\n      fields: {email: email}\n", ""),
            "sync.yaml:3: systems.crm: syncs nothing: it needs a block for one of lead",
            id="no-object",
        ),
        pytest.param("log: {level: info}", "sync.yaml:1: systems: there is none: ", id="no-system"),
        pytest.param("", "sync.yaml:1: systems: there is none: ", id="empty"),
        pytest.param(
            SYSTEM.replace("crm", "My.CRM"),
            "sync.yaml:3: systems.My.CRM: a name begins with a small letter and has a-z, 0-9, _ and - only",
            id="name",
        ),
        pytest.param(SYSTEM.replace("crm", "operator"), "sync.yaml:3: systems.operator: this name has", id="reserved"),
        pytest.param(
            SYSTEM + "    token: again",
            "sync.yaml:8: systems.crm.token: stands here a second time, first on line 5",
            id="twice",
        ),
        pytest.param("systems: [a, b]", "sync.yaml:1: systems: expected a block of names", id="list-for-block"),
        pytest.param(
            "database: postgresql://x" + SYSTEM, "sync.yaml:1: database: a database begins with", id="database"
        ),
        pytest.param("broker: http://x" + SYSTEM, "sync.yaml:1: broker: a broker begins with", id="broker"),
        pytest.param("systems: {crm: [", "sync.yaml:1: this is no YAML: ", id="yaml"),
        pytest.param("a: b\n  c: d", "sync.yaml:2: this is no YAML: ", id="yaml-indent"),
    ],
)
def test_mistakes_name_line_path_and_remedy(problems, text, expected):
    found = problems(text)
    assert any(sentence.startswith(expected) for sentence in found), found


def test_all_mistakes_are_told_at_once_in_order(problems):
    found = problems("""
        log: {level: loud}
        objects: {lead: {match: [[mail]]}}
        systems:
          one: {connector: drum, lead: {fields: {nme: x}}}
          two: {connector: nothing, replay: {schedule: never}}
    """)
    assert [sentence.split(":")[1] for sentence in found] == ["2", "3", "5", "5", "6", "6"]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("${TOKEM}", "the environment variable TOKEM is not set; did you mean TOKEN?"),
        ("${file:absent.txt}", "the file absent.txt cannot be read: No such file or directory"),
        ("'${TOKEN'", "a variable is not closed: write ${NAME}"),
        ("${a b}", "a variable is written ${NAME} or ${file:/run/secrets/name}"),
    ],
)
def test_missing_variables_name_themselves_only(problems, token, expected):
    found = problems(SYSTEM.replace("token: t", f"token: {token}"), TOKEN="hunter2")
    assert found == [f"sync.yaml:5: systems.crm.token: {expected}"]
    assert "hunter2" not in str(found)


def test_values_from_outside_are_never_shown(problems):
    found = problems(
        SYSTEM.replace("email: email", "email: {name: email, rule: '${RULE}'}") + "    timeout: ${RULE}", RULE="hunter2"
    )
    assert len(found) == 2
    assert "hunter2" not in str(found)

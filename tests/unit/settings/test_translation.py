"""The configuration in the domain's terms: objects with their fields, and how each field stands in a system."""

import jsonschema
import pytest
import yaml

from sync_system.domain.fields import FieldType
from sync_system.domain.mapping import Rule
from sync_system.settings import field_rules, json_schema, object_spec, own_fields, ranks, system_rules

TEXT = """
    objects:
      lead:
        default_region: DE
        fields:
          exhibition: {max_length: 120}
          status: {values: [new, contacted, lost]}
      visit: {fields: {day: {type: date}}}
    systems:
      application:
        connector: paper
        base_url: https://app.example.com
        skew: 500ms
        lead:
          fields:
            email: mail
            description: {name: notes, max_length: 10, too_long: cut}
            exhibition: {name: fair, rule: out_only, default: none}
            status: {name: stage, values: {new: 1, contacted: 2, lost: 2}, inbound: {9: lost}, type: integer}
            rating: {name: heat, inbound: {boiling: hot}}
            do_not_call: {name: calls, values: {true: never, false: fine}}
      crm: {connector: drum, token: t, lead: {fields: {email: email}}, visit: {fields: {day: day}}}
"""


@pytest.fixture
def settings(loaded):
    return loaded(TEXT)


@pytest.fixture
def lead(settings):
    return object_spec("lead", settings.objects["lead"])


@pytest.fixture
def rules(settings, lead):
    return field_rules(settings.systems["application"].objects["lead"].fields, lead)


def test_lead_keeps_what_is_not_changed(lead):
    assert lead.fields["exhibition"].max_length == 120
    assert lead.fields["status"].type is FieldType.ENUM
    assert lead.fields["status"].values == ("new", "contacted", "lost")
    assert lead.fields["email"].type is FieldType.EMAIL
    assert lead.match == (("email",), ("phone",))
    assert lead.default_region == "DE"


def test_own_objects_have_their_fields_only(settings):
    visit = object_spec("visit", settings.objects["visit"])
    assert list(visit.fields) == ["day"]
    assert visit.match == ()


def test_text_alone_is_the_own_name(rules):
    assert rules["email"].name == "mail"
    assert rules["email"].plain


def test_lengths_rules_and_defaults_are_carried(rules):
    assert rules["description"].to_system("a very long note") == "a very lon"
    assert rules["exhibition"].rule is Rule.OUT_ONLY
    assert rules["exhibition"].to_system(None) == "none"


def test_enum_values_go_both_ways(rules):
    status = rules["status"]
    assert [status.to_system(value) for value in ("new", "contacted", "lost")] == [1, 2, 2]
    assert status.from_system(status.read(9), None) == "lost"
    assert status.from_system(status.read(2), None) == "contacted"
    assert status.from_system(status.read(2), "lost") == "lost"


def test_inbound_alone_adds_to_the_own_values(rules):
    rating = rules["rating"]
    assert rating.to_system("hot") == "hot"
    assert rating.from_system(rating.read("boiling"), None) == "hot"
    assert rating.from_system(rating.read("cold"), None) == "cold"


def test_booleans_can_have_own_words(rules):
    assert rules["do_not_call"].to_system(value=True) == "never"
    assert rules["do_not_call"].from_system("fine", None) is False


def test_own_fields_have_own_types(settings, lead):
    own = own_fields(settings.systems["application"].objects["lead"].fields, lead)
    assert own["stage"] is FieldType.INTEGER
    assert own["mail"] is FieldType.EMAIL


def test_first_system_wins_between_equal_times(settings, lead):
    assert ranks(settings)["application"] > ranks(settings)["crm"]
    rules = system_rules(settings, "application", lead, can_look=False)
    assert (rules.skew, rules.rank, rules.can_look) == (500_000, 2, False)


def test_json_schema_accepts_what_loads(kinds):
    schema = json_schema(kinds)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = yaml.safe_load(TEXT)
    values = document["systems"]["application"]["lead"]["fields"]["do_not_call"]
    values["values"] = {"true": "never", "false": "fine"}  # JSON has text keys only
    inbound = document["systems"]["application"]["lead"]["fields"]["status"]
    inbound["inbound"] = {"9": "lost"}
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    "text",
    [
        "systems: {crm: {connector: nothing}}",
        "systems: {crm: {connector: drum, token: t, colour: red, lead: {fields: {email: email}}}}",
        "systems: {crm: {connector: drum, token: t, lead: {fields: {email: {nme: email}}}}}",
        "systems: {crm: {connector: drum, lead: {fields: {email: email}}}}",
        "systms: {}",
    ],
)
def test_json_schema_refuses_what_does_not_load(kinds, text):
    assert not jsonschema.Draft202012Validator(json_schema(kinds)).is_valid(yaml.safe_load(text))

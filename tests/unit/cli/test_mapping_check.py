"""What is wrong with a mapping is found before the first lead is sent."""

import pytest

from sync_system.cli.screens.mapping import mapping_problems, unmapped_required
from sync_system.connectors.protocol import FieldInfo
from sync_system.domain.fields import Field, FieldType
from sync_system.domain.mapping import FieldRule, Rule, SystemRules

FIRST = Field("first_name", FieldType.TEXT, 100)
STATUS = Field("status", FieldType.ENUM, 100, ("new", "contacted"))
CONSENT = Field("do_not_call", FieldType.CONSENT)


def problems(rule, *described):
    return mapping_problems(SystemRules("crm", {rule.field.name: rule}), described)


@pytest.mark.parametrize(
    ("rule", "info", "problem"),
    [
        (
            FieldRule(FIRST, "firstnam"),
            FieldInfo("firstname", "text"),
            "no field 'firstnam'; did you mean 'firstname'?",
        ),
        (FieldRule(FIRST, "firstname"), FieldInfo("firstname", "text", read_only=True), "is read-only"),
        (FieldRule(FIRST, "firstname"), FieldInfo("firstname", "text", 40), "up to 100 characters"),
        (FieldRule(FIRST, "firstname", max_length=50), FieldInfo("firstname", "text", 40), "up to 50 characters"),
        (FieldRule(STATUS, "stage"), FieldInfo("stage", "enum", options=["new"]), "no option 'contacted'"),
        (
            FieldRule(STATUS, "stage", to_own={"new": "NEWW"}, from_own={"NEWW": "new"}),
            FieldInfo("stage", "enum", options=["NEW", "OPEN"]),
            "no option 'NEWW'; there are NEW, OPEN",
        ),
        (
            FieldRule(STATUS, "stage", default="none"),
            FieldInfo("stage", "enum", options=["new", "contacted"]),
            "'none'",
        ),
    ],
    ids=["unknown", "read-only", "too-long", "own-limit-too-long", "values", "mapped-values", "default"],
)
def test_what_would_fail_is_a_problem(rule, info, problem):
    (found,) = problems(rule, info)
    assert problem in found


@pytest.mark.parametrize(
    ("rule", "info"),
    [
        (FieldRule(FIRST, "firstname"), FieldInfo("firstname", "text")),
        (FieldRule(FIRST, "firstname", max_length=40, cut=True), FieldInfo("firstname", "text", 40)),
        (FieldRule(FIRST, "firstname", Rule.IN_ONLY), FieldInfo("firstname", "text", 5, read_only=True)),
        (FieldRule(FIRST, "nowhere", Rule.IGNORE), FieldInfo("firstname", "text")),
        (FieldRule(CONSENT, "optout"), FieldInfo("optout", "bool", options=["true", "false"])),
        (
            FieldRule(CONSENT, "optout", to_own={True: True}, from_own={True: "true"}),
            FieldInfo("optout", "bool", options=["true", "false"]),
        ),
    ],
    ids=["plain", "cut", "only-read", "ignored", "yes-or-no", "mapped-yes-or-no"],
)
def test_what_fits_is_no_problem(rule, info):
    assert problems(rule, info) == []


def test_system_that_cannot_tell_is_believed():
    assert problems(FieldRule(FIRST, "anything")) == []


def test_required_field_without_a_mapping_is_named():
    rules = SystemRules("crm", {"first_name": FieldRule(FIRST, "firstname")})
    described = [FieldInfo("firstname", "text", required=True), FieldInfo("lastname", "text", required=True)]
    assert unmapped_required(rules, described) == ["lastname"]

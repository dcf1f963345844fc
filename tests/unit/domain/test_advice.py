"""For every cause there is a sentence on what to do, the system's own before ours."""

import pytest

from sync_system.connectors.registry import connector_types
from sync_system.domain.advice import BY_CLASS, BY_CODE, OTHERWISE, advise
from sync_system.domain.outcomes import OutcomeClass


@pytest.mark.parametrize("outcome", [*OutcomeClass, "expired"])
def test_every_class_of_failure_has_advice(outcome):
    assert (outcome in BY_CLASS) == (outcome != OutcomeClass.OK)


@pytest.mark.parametrize("code", ["mapping", "duplicate", "unreadable", "authentication", "expired", "governor"])
def test_our_own_codes_have_advice(code):
    assert advise("rejected", code, {}) == BY_CODE[code]


def test_connectors_own_advice_comes_first():
    assert advise("rejected", "X", {"X": "Do it."}) == "Do it."
    assert advise("rejected", "X", {}) == BY_CLASS["rejected"]
    assert advise("other", "X", {}) == OTHERWISE


def test_advice_of_every_connector_is_in_sentences():
    told = [sentence for kind in connector_types().values() for sentence in kind.advice.values()]
    assert told
    assert [s for s in (*told, *BY_CODE.values(), *BY_CLASS.values()) if s[-1] != "." or len(s) > 250] == []


@pytest.mark.parametrize("code", ["INVALID_EMAIL", "INVALID_OPTION", "PROPERTY_DOESNT_EXIST", "REQUIRED_FIELD_MISSING"])
def test_validation_codes_of_the_crm_have_advice(code):
    assert code in connector_types()["hubspot"].advice

"""An own value that means what the record holds is left as it is, whatever other name the mapping would write."""

from sync_system.domain.fields import Field, FieldType
from sync_system.domain.link import Held, Link
from sync_system.domain.mapping import FieldRule, SystemRules
from sync_system.domain.planning import wanted
from sync_system.domain.record import Record

STATUS = FieldRule(
    Field("status", FieldType.ENUM, values=("new", "contacted")),
    "hs_lead_status",
    to_own={"new": "NEW", "contacted": "CONNECTED"},
    from_own={"NEW": "new", "OPEN": "new", "CONNECTED": "contacted"},
)
RULES = SystemRules("crm", {"status": STATUS})


def wanted_over(own: str) -> dict[str, object]:
    record = Record("r", "lead", {"status": "new"}, (1, "application"))
    link = Link("r", "crm", "501", remote={"status": Held(own, 1, 1, ours=False, stamp=1)})
    return dict(wanted(record, link, RULES).diff)


def test_alias_of_the_same_value_is_not_corrected():
    assert wanted_over("OPEN") == {}


def test_own_value_with_another_meaning_is_corrected():
    assert wanted_over("CONNECTED") == {"status": "NEW"}

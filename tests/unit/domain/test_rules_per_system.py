"""Who may change a field: each rule as seen from one system, the CRM, beside an application without rules."""

from sync_system.domain.fields import Field
from sync_system.domain.mapping import FieldRule, Rule


def both_linked(lead, rule, app="Ann", crm="Ann"):
    """A lead of the application's that the CRM holds as well, with `rule` on the CRM's name."""
    made = lead(app={}, crm={"name": rule})
    made.report("app", 10, name=app)
    made.report("crm", 10, name=crm)
    return made


def test_two_way_carries_edits_both_ways(lead):
    made = both_linked(lead, Rule.TWO_WAY)
    made.edit("crm", 20, name="Bea")
    assert (made.fields["name"], made.lacks("app")) == ("Bea", {"name": "Bea"})
    made.deliver("app", 21)
    made.edit("app", 30, name="Cleo")
    assert (made.fields["name"], made.lacks("crm")) == ("Cleo", {"name": "Cleo"})


def test_authoritative_system_wins_over_later_edits(lead):
    made = both_linked(lead, Rule.AUTHORITATIVE)
    made.edit("app", 30, name="Bea")
    assert made.fields["name"] == "Ann"
    assert made.lacks("app") == {"name": "Ann"}
    made.edit("crm", 20, name="Cleo")
    assert made.fields["name"] == "Cleo"


def test_authoritative_system_has_no_word_before_its_link(lead):
    made = lead(app={}, crm={"name": Rule.AUTHORITATIVE})
    made.report("app", 10, name="Ann")
    made.edit("app", 20, name="Bea")
    assert made.fields["name"] == "Bea"


def test_what_we_wrote_to_an_authority_is_its_word(lead):
    made = lead(app={}, crm={"name": Rule.AUTHORITATIVE})
    made.report("app", 10, name="Ann")
    made.create("crm", 15)
    made.edit("app", 20, name="Bea")
    assert made.fields["name"] == "Ann"
    assert made.lacks("app") == {"name": "Ann"}


def test_fill_blank_fills_a_blank_only(lead):
    made = lead(app={}, crm={"name": Rule.FILL_BLANK, "city": Rule.FILL_BLANK})
    made.report("app", 10, name="Ann")
    made.report("crm", 20, name="Bea", city="Pune")
    assert made.fields == {"name": "Ann", "city": "Pune"}
    assert made.lacks("crm") == {"name": "Ann"}
    assert made.lacks("app") == {"city": "Pune"}


def test_fill_counts_again_once_the_field_is_cleared(lead):
    made = both_linked(lead, Rule.FILL_BLANK, crm="Bea")
    made.edit("app", 30, name=None)
    assert made.fields["name"] == "Bea"


def test_fill_never_beats_an_older_value(lead):
    made = lead(app={}, crm={"name": Rule.FILL_BLANK})
    made.report("crm", 50, name="Bea")
    made.report("app", 10, name="Ann")
    assert made.fields["name"] == "Ann"


def test_in_only_is_read_and_never_written(lead):
    made = both_linked(lead, Rule.IN_ONLY)
    made.edit("crm", 20, name="Bea")
    assert made.fields["name"] == "Bea"
    made.edit("app", 30, name="Cleo")
    assert made.fields["name"] == "Cleo"
    assert made.lacks("crm") == {}


def test_out_only_edits_are_corrected(lead):
    made = both_linked(lead, Rule.OUT_ONLY)
    made.edit("crm", 20, name="Bea")
    assert made.fields["name"] == "Ann"
    assert made.lacks("crm") == {"name": "Ann"}


def test_ignored_field_is_neither_read_nor_written(lead):
    made = lead(app={}, crm={"name": Rule.IGNORE})
    made.report("app", 10, name="Ann", city="Pune")
    assert made.report("crm", 20, name="Bea") == []
    assert made.fields["name"] == "Ann"
    assert "name" not in made.create("crm", 30)


def test_opt_out_holds_against_a_later_unaware_opt_in(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, opt_out=False)
    made.report("crm", 10, opt_out=False)
    made.edit("app", 20, opt_out=True)
    made.edit("crm", 30, opt_out=False)
    assert made.fields["opt_out"] is True
    assert made.lacks("crm") == {"opt_out": True}


def test_opt_out_ends_when_somebody_types_over_it(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, opt_out=False)
    made.report("crm", 10, opt_out=False)
    made.edit("app", 20, opt_out=True)
    made.deliver("crm", 25)
    made.edit("crm", 30, opt_out=False)
    assert made.fields["opt_out"] is False
    assert made.lacks("app") == {"opt_out": False}


def test_newer_opt_out_holds_though_an_older_was_taken_back(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, opt_out=True)
    made.report("crm", 11, opt_out=True)
    made.edit("app", 20, opt_out=False)
    assert made.fields["opt_out"] is True  # the CRM's opt-out of 11 is newer than the one of 10 that was typed over


def test_cut_of_the_mapping_is_not_carried_back(lead):
    cut = FieldRule(Field("city"), "City", max_length=5, cut=True)
    made = lead(app={}, crm={"city": cut})
    made.report("app", 10, name="Ann", city="Mumbai")
    assert made.create("crm", 20) == {"name": "Ann", "city": "Mumba"}
    made.report("crm", 30, name="Bea", city="Mumba")
    assert made.fields == {"name": "Bea", "city": "Mumbai"}
    assert made.lacks("crm") == {}
    made.report("crm", 40, name="Bea", city="Mumb")
    assert made.fields["city"] == "Mumb"


def test_cut_that_a_reply_tells_of_is_left_alone(lead):
    made = lead(app={}, crm={})
    made.report("app", 10, city="Mumbai")
    made.create("crm", 20, city="Mum")
    made.report("crm", 30, name="Ann", city="Mum")
    assert made.fields["city"] == "Mumbai"
    assert made.lacks("crm") == {}
    assert not made.links["crm"].verify


def test_system_time_from_the_future_is_clamped_for_the_stamp(lead):
    made = both_linked(lead, Rule.TWO_WAY)
    made.edit("crm", 500, now=20, name="Bea")
    assert made.record.stamp("name") == (25, "crm")
    made.edit("app", 30, name="Cleo")
    assert made.fields["name"] == "Cleo"

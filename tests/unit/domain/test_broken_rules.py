"""Each rule is needed: broken on purpose, a trace or a handful of schedules shows it, and with the rule all is well."""

from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from sync_system.domain import decisions, planning, settle
from sync_system.domain.fields import FieldType
from sync_system.domain.link import Held, Link
from sync_system.domain.mapping import FieldRule
from sync_system.domain.observe import Observer, Receipt, Row, receipt
from sync_system.domain.record import NEVER, Record
from tests.simulation import ledger, workers
from tests.simulation.kinds import KINDS, play
from tests.simulation.traces import TRACES, played
from tests.simulation.world import Kind

ENDINGS = range(10)
SEEDS = range(400)
# Few values of one field, so that people come back to what stood there before.
FEW = {"ties": False, "precision": (1, 1, 1)}
AGAIN = {
    "changed": Kind("b-again-changed", fields=("b",), tells=("changed",) * 3, stamped=(True,) * 3, **FEW),
    "snapshot": Kind("b-again-snapshot", fields=("b",), tells=("snapshot",) * 3, stamped=(True,) * 3, **FEW),
    "consent": Kind("consent-again", fields=("opt_out",), tells=("snapshot",) * 3, stamped=(True,) * 3, **FEW),
}


def echo_is_taken_as_an_edit(patch):
    patch.setattr(Link, "open_intent", lambda *_: None)


def an_echo_in_the_tick_of_an_edit_is_clear(patch):
    def echo(self, rule, seen, cur, mine):
        if seen.at > cur.hi:
            held = Held(seen.x, seen.at, seen.at, ours=True, stamp=mine.stamps[rule.field.name])
            self.link.hold(rule.field.name, held)
        return Receipt(rule.field.name, Row.ECHO)

    patch.setattr(Observer, "_echo", echo)


def an_intent_is_forgotten_with_its_reply(patch):
    def left_open(link, intent):
        decisions.refused(link, intent)
        link.verify = True

    patch.setattr(decisions, "left_open", lambda link, intent: left_open(link, intent) if intent else None)


def an_open_end_does_not_ask_for_a_look(patch):
    def left_open(link, intent):
        decisions.refused(link, intent) if intent else None

    patch.setattr(decisions, "left_open", left_open)


def old_news_is_always_dropped(patch):
    patch.setattr(Observer, "_older", lambda _, rule, *__: Receipt(rule.field.name, Row.STALE))


def old_news_is_never_dropped(patch):
    def older(self, rule, seen, cur):
        held = Held(seen.x, seen.at, seen.at, ours=False, stamp=max(seen.at, cur.stamp + 1))
        merge = self.merge(rule, seen.x, held.stamp, cur.stamp, seen.now)
        self.link.hold(rule.field.name, held, current=False)
        return receipt(rule, Row.LATE_EDIT, merge)

    patch.setattr(Observer, "_older", older)


def settle_overwrites_a_later_report(patch):
    def settle_field(observer, rule, held, intent, now):
        observer.link.hold(rule.field.name, held)

    patch.setattr(settle, "_settle_field", settle_field)


def settle_takes_no_notice_of_a_value_set_back(patch):
    real = settle._over_what_we_knew

    def over_what_we_knew(observer, rule, held, cur, seen, now):
        return real(observer, rule, held, cur, cur.seen, now)

    patch.setattr(settle, "_over_what_we_knew", over_what_we_knew)


def verify_is_ignored(patch):
    real = planning._difference
    patch.setattr(planning, "_difference", lambda *args: replace(real(*args), look=False))


def a_look_is_taken_for_an_old_report(patch):
    patch.setattr(Observer, "_looked", lambda self, rule, seen, cur, _: self._older(rule, seen, cur))


def stamps_are_not_causal(patch):
    def edit(self, rule, x, at, cur, now, row):
        held = Held(x, at, at, ours=False, stamp=at)
        merge = self.merge(rule, x, at, cur.stamp if cur else NEVER, now)
        self.link.hold(rule.field.name, held)
        return receipt(rule, row, merge)

    patch.setattr(Observer, "edit", edit)


def set_away_and_back_again_is_a_confirmation(patch):
    real = Observer._same
    patch.setattr(Observer, "_same", lambda self, rule, seen, cur, mine: real(self, rule, seen, cur, mine or True))


def a_value_that_came_back_is_old_news(patch):
    patch.setattr(Observer, "_came_back", lambda _, rule, *__: Receipt(rule.field.name, Row.OLD_NEWS))


def what_a_system_made_of_a_value_is_forgotten(patch):
    patch.setattr(settle, "_keep_image", lambda *_: None)


def a_cut_is_never_an_image(patch):
    patch.setattr(FieldRule, "is_image", lambda _, sent, seen: sent == seen)
    patch.setattr(settle, "_keep_image", lambda *_: None)


def the_last_report_wins(patch):
    patch.setattr("sync_system.domain.record.newer", lambda *_: True)


def consent_is_a_plain_register(patch):
    def consent(self, name, out, stamp, over, ranks):
        plain = FieldRule(replace(ledger.RULES[0].fields[name].field, type=FieldType.BOOLEAN), name)
        return self.merge(plain, out, stamp, over, ranks)

    patch.setattr(Record, "_consent", consent)


def history_is_not_kept(patch):
    real = Link.hold

    def hold(self, name, held, *, current=True):
        real(self, name, held, current=current)
        self.history.clear()

    patch.setattr(Link, "hold", hold)


def what_ended_is_forgotten_at_once(patch):
    def forget(self, before):
        self.history = {name: [h for h in held if h.hi >= before] for name, held in self.history.items()}

    patch.setattr(Link, "forget", forget)


def a_look_is_used_although_something_arrived(patch):
    real = workers.Delivery._looked

    def looked(self, worker, now):
        worker.revision = self.ledger.links[worker.system].revision
        return real(self, worker, now)

    patch.setattr(workers.Delivery, "_looked", looked)


BREAKAGES = (
    (echo_is_taken_as_an_edit, TRACES),
    (an_echo_in_the_tick_of_an_edit_is_clear, TRACES),
    (an_intent_is_forgotten_with_its_reply, TRACES),
    (an_open_end_does_not_ask_for_a_look, TRACES),
    (old_news_is_always_dropped, TRACES),
    (old_news_is_never_dropped, TRACES),
    (settle_overwrites_a_later_report, TRACES),
    (settle_takes_no_notice_of_a_value_set_back, KINDS["clock-ahead"]),
    (verify_is_ignored, KINDS["coarse-mixed"]),
    (a_look_is_taken_for_an_old_report, KINDS["coarse-mixed"]),
    (stamps_are_not_causal, TRACES),
    (set_away_and_back_again_is_a_confirmation, AGAIN["changed"]),
    (a_value_that_came_back_is_old_news, AGAIN["snapshot"]),
    (what_a_system_made_of_a_value_is_forgotten, KINDS["fine-all-fields"]),
    (a_cut_is_never_an_image, KINDS["coarse-mixed"]),
    (the_last_report_wins, TRACES),
    (consent_is_a_plain_register, AGAIN["consent"]),
    (history_is_not_kept, TRACES),
    (what_ended_is_forgotten_at_once, KINDS["coarse-mixed"]),
    (a_look_is_used_although_something_arrived, KINDS["fine-bare"]),
)


def schedules(where):
    """Every schedule to try, as a name and a call that plays it and returns its verdict."""
    if where is TRACES:
        for trace, seed in product(TRACES, ENDINGS):
            yield trace.__name__, partial(lambda trace, seed: played(trace, seed).end(seed), trace, seed)
    else:
        for seed in SEEDS:
            yield f"{where.name} {seed}", partial(lambda seed: play(seed, where)[1].verdict, seed)


def caught(breakage, where, monkeypatch):
    """Return what shows the breakage and only the breakage: the same is well with the rule in place."""
    for name, again in schedules(where):
        with monkeypatch.context() as patch:
            breakage(patch)
            wrong = again()
        if wrong and not again():
            return f"{name}: {wrong.fault}"
    return None


@pytest.mark.parametrize(("breakage", "where"), BREAKAGES, ids=[breakage.__name__ for breakage, _ in BREAKAGES])
def test_breaking_a_rule_is_caught(breakage, where, monkeypatch):
    assert caught(breakage, where, monkeypatch)

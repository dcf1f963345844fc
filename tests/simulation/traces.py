"""Ten named schedules on which a plainer set of rules loses an edit, writes twice or never comes to rest.

Two systems driven by hand: S0 tells what changed, S1 sends snapshots. Each trace leaves the world unsettled, to be
ended in many ways.
"""

import random
from collections.abc import Callable

from sync_system.domain.fields import Value
from tests.simulation.lead import LEASE
from tests.simulation.systems import Webhook
from tests.simulation.verdict import Verdict, verdict
from tests.simulation.workers import Worker
from tests.simulation.world import Kind, World

BY_HAND = Kind("by-hand", tells=("changed", "snapshot"), precision=(1, 1), skew=(0, 0), stamped=(True, True))


class Stage:
    """A world of two systems in which each step is told; every step takes a second."""

    def __init__(self, seed: int) -> None:
        self.world = World(_NothingFolded(seed), 2, BY_HAND)
        self.rng = random.Random(seed)

    def edit(self, system: int, name: str, x: Value) -> Webhook:
        """Let a person type; return the webhook that it causes, still under way."""
        self.world.now += 1
        self.world.person(system, name, x)
        return self.world.network.under_way[-1]

    def take(self, webhook: Webhook) -> None:
        """Let a webhook arrive."""
        self.world.now += 1
        self.world.network.under_way.remove(webhook)
        self.world.deliver(webhook)

    def send(self, system: int) -> Worker:
        """Let a worker claim and send, with a look first where one is wanted."""
        worker = self.world.claim(system)
        while worker.stage != "sent":
            self.settle(worker)
        return worker

    def settle(self, worker: Worker) -> None:
        """Let a worker do its next step: settle, once the reply is there."""
        self.world.now += 1
        self.world.step(worker)

    def commit(self, system: int) -> Webhook | None:
        """Let the oldest write to a system arrive; return the webhook that it causes, None if nothing changed."""
        self.world.now += 1
        under_way = self.world.network.under_way
        before = len(under_way)
        self.world.arrive(next(q for q in self.world.delivery.requests if q.system == system))
        return under_way[-1] if len(under_way) > before else None

    def echo(self, system: int) -> Webhook:
        """Like `commit`, for a write that changes something."""
        webhook = self.commit(system)
        assert webhook is not None, "the write changed nothing, so nothing tells of it"
        return webhook

    def end(self, seed: int) -> Verdict | None:
        """Let all that is left happen in an order of its own; return the verdict."""
        self.world.rng = self.world.network.rng = random.Random(seed)
        self.world.drain()
        return verdict(self.world)


class _NothingFolded(random.Random):
    """Chance that never folds a webhook into another."""

    def random(self) -> float:
        """Return a number that no likelihood of the world reaches."""
        return 0.99


def snapshot_older_than_our_write(t: Stage) -> None:
    """A snapshot made before our write, of an edit to another field, arrives after it was settled."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    other = t.edit(1, "a", "q1")
    t.commit(1)
    t.settle(worker)
    t.take(other)


def echo_before_its_settle_when_the_record_moved_on(t: Stage) -> None:
    """Our write comes back while its reply is under way, and the record has changed meanwhile."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    again = t.edit(0, "b", "z")
    echo = t.echo(1)
    t.take(again)
    t.take(echo)
    t.settle(worker)


def edit_after_our_write_reported_before_its_settle(t: Stage) -> None:
    """Somebody types over our write before its reply is here, then types our value again."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    t.commit(1)
    over = t.edit(1, "b", "z")
    if t.rng.random() < 0.5:
        t.take(over)
    t.settle(worker)
    t.take(t.edit(1, "b", "y"))


def edit_that_our_write_overwrote_reported_late(t: Stage) -> None:
    """A person was quicker than our write, and we hear of it last."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    lost = t.edit(1, "b", "z")
    echo = t.echo(1)
    t.settle(worker)
    t.take(lost)
    t.take(echo)


def late_echo_of_an_earlier_write(t: Stage) -> None:
    """The echo of our first write arrives when the second has been settled."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    again = t.edit(0, "b", "z")
    echo = t.echo(1)
    t.settle(worker)
    t.take(again)
    worker = t.send(1)
    t.commit(1)
    t.settle(worker)
    t.take(echo)


def expired_worker_writes_after_its_successor(t: Stage) -> None:
    """The write of a worker whose lease is over overtakes, and undoes, its successor's."""
    t.take(t.edit(0, "b", "y"))
    t.send(1)
    t.take(t.edit(0, "b", "z"))
    t.world.now += LEASE + 10
    t.world.expire(1)
    worker = t.send(1)
    t.world.delivery.requests.reverse()
    t.commit(1)
    t.settle(worker)
    t.commit(1)


def two_edits_in_one_tick_reported_the_other_way_round(t: Stage) -> None:
    """A coarse clock gives two edits one time, and the webhooks swap places."""
    for system in t.world.systems:
        system.precision = 8
    t.world.now = 55
    first, second = t.edit(1, "b", "y"), t.edit(1, "b", "z")
    t.take(second)
    t.take(first)


def correction_against_a_clock_that_runs_ahead(t: Stage) -> None:
    """Somebody corrects what they see, which came with a time from the future."""
    t.world.systems[0].skew = 10
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    t.commit(1)
    t.settle(worker)
    t.take(t.edit(1, "b", "z"))


def away_and_back_reported_in_the_wrong_order(t: Stage) -> None:
    """Our value is changed and typed again, and the second webhook is here first."""
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    t.commit(1)
    away = t.edit(1, "b", "z")
    t.settle(worker)
    t.take(t.edit(1, "b", "y"))
    t.take(away)


def our_value_typed_again_in_the_tick_of_another_edit(t: Stage) -> None:
    """Our value is changed and typed again within one tick of a coarse clock: the latter looks like our write's echo."""
    for system in t.world.systems:
        system.precision, system.tells = 8, "changed"
    t.take(t.edit(0, "b", "y"))
    worker = t.send(1)
    echo = t.echo(1)
    t.world.now = 56
    away, again = t.edit(1, "b", "z"), t.edit(1, "b", "y")
    t.take(away)
    t.take(again)
    t.settle(worker)
    t.take(echo)


TRACES: tuple[Callable[[Stage], None], ...] = (
    snapshot_older_than_our_write,
    echo_before_its_settle_when_the_record_moved_on,
    edit_after_our_write_reported_before_its_settle,
    edit_that_our_write_overwrote_reported_late,
    late_echo_of_an_earlier_write,
    expired_worker_writes_after_its_successor,
    two_edits_in_one_tick_reported_the_other_way_round,
    correction_against_a_clock_that_runs_ahead,
    away_and_back_reported_in_the_wrong_order,
    our_value_typed_again_in_the_tick_of_another_edit,
)


def played(trace: Callable[[Stage], None], seed: int) -> Stage:
    """Play a trace up to where its endings part."""
    stage = Stage(seed)
    trace(stage)
    return stage

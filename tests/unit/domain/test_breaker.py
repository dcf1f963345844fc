"""When a destination is down and when a record is at fault: what the breaker makes of what it hears."""

from sync_system.domain.breaker import LONGEST_PROBE, MISSES, REFUSALS, Breaker, Heard, hear

NOW = 1_000_000_000
SECOND = 1_000_000
WELL = Heard(answered=True)


def missed(*records):
    return Heard(failed=[records])


def after(*heard, breaker=None):
    breaker = breaker or Breaker(succeeded_at=NOW - SECOND)
    for one in heard:
        breaker = hear(breaker, one, NOW)
    return breaker


def test_system_that_says_it_is_down_is_down():
    breaker = after(Heard(unavailable="connection refused"))
    assert (breaker.is_open, breaker.opened_for, breaker.probe_at) == (True, "connection refused", NOW + SECOND)
    assert breaker.failing_since == NOW - SECOND


def test_failures_of_many_records_are_the_systems():
    failures = [missed(f"record-{n}") for n in range(MISSES)]
    assert not after(*failures[:-1]).is_open
    assert after(*failures).is_open


def test_one_record_that_always_fails_is_no_outage():
    assert not after(*[missed("poison")] * 100).is_open


def test_halves_of_one_failing_batch_are_not_counted_anew():
    batch = [str(n) for n in range(100, 200)]
    heard = Heard(failed=[batch, batch[:50], batch[:25], batch[:12], batch[:6]])
    assert not after(heard, heard).is_open


def test_a_success_in_between_starts_anew():
    failures = [missed(f"record-{n}") for n in range(MISSES - 1)]
    assert not after(*failures, WELL, *failures).is_open


def test_it_is_probed_at_the_moment_that_was_asked_for():
    assert after(Heard(unavailable="too fast", wait=17 * SECOND)).probe_at == NOW + 17 * SECOND


def test_failed_probes_come_ever_later_up_to_a_bound():
    breaker, waits = after(Heard(unavailable="down")), []
    for _ in range(7):
        breaker = hear(breaker, Heard(unavailable="down"), NOW, probe=True)
        waits.append((breaker.probe_at - NOW) // SECOND)
    assert waits == [2, 4, 8, 15, 15, 15, 15]
    assert LONGEST_PROBE == 15 * SECOND


def test_calls_that_were_under_way_do_not_put_off_the_probe():
    breaker = after(Heard(unavailable="down"))
    assert hear(breaker, Heard(unavailable="down"), NOW + SECOND // 2).probe_at == breaker.probe_at
    assert hear(breaker, Heard(unavailable="down", wait=9 * SECOND), NOW).probe_at == NOW + 9 * SECOND


def test_a_probe_that_is_answered_closes_it():
    breaker = hear(after(Heard(unavailable="down")), WELL, NOW + 5, probe=True)
    assert breaker == Breaker(succeeded_at=NOW + 5)


def test_a_write_that_fails_after_its_read_was_answered_keeps_it_open():
    breaker = hear(after(Heard(unavailable="down")), missed("record"), NOW, probe=True)
    assert (breaker.is_open, breaker.opened_for) == (True, "down")


def test_answers_and_a_complaint_together_mean_wait():
    breaker = after(Heard(answered=True, unavailable="too fast", wait=3 * SECOND))
    assert (breaker.is_open, breaker.succeeded_at, breaker.probe_at) == (True, NOW, NOW + 3 * SECOND)


def test_refused_proof_of_identity_is_counted_in_a_row():
    refused = Heard(unavailable="token expired", refused=True)
    breaker = after(refused)
    for _ in range(REFUSALS - 1):
        assert not breaker.refused
        breaker = hear(breaker, refused, NOW, probe=True)
    assert breaker.refused
    assert not hear(breaker, WELL, NOW, probe=True).refused
    assert not hear(breaker, Heard(unavailable="down"), NOW, probe=True).refused

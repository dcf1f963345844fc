"""What every connector must say when something fails: whose fault it is, and whether anything may have been written."""

import pytest
from connector_harness import OBJECT, classes, created, email_of, fresh, new, written

from sync_system.connectors.protocol import Lookup, Write
from sync_system.domain.outcomes import OutcomeClass
from sync_system.errors import SystemUnavailable
from sync_system.sandbox.processes import free_ports

OK, REJECTED, RETRY = OutcomeClass.OK, OutcomeClass.REJECTED, OutcomeClass.RETRY
UNAVAILABLE, UNCERTAIN = OutcomeClass.UNAVAILABLE, OutcomeClass.UNCERTAIN


class FaultsContract:
    """Failing."""

    @pytest.mark.parametrize("fault", ["lost_reply", "malformed"])
    async def test_a_reply_lost_after_the_commit_is_uncertain(self, connector, harness, fault):
        writes = [new(harness), new(harness)]
        harness.system.order(fault, only="write", times=1)
        outcomes = await written(connector, *writes)
        rows = await connector.lookup(OBJECT, Lookup(keys=[write.key for write in writes]))
        assert classes(outcomes) == [UNCERTAIN, UNCERTAIN]
        assert len(rows) == 2, "the system did commit"
        assert classes(await written(connector, *writes)) == [OK, OK]
        assert harness.count(harness.names.email, email_of(writes[0].key)) == 1

    async def test_a_connection_cut_before_the_commit_is_uncertain(self, connector, harness):
        write = new(harness)
        harness.system.order("drop", only="write", times=1)
        assert classes(await written(connector, write)) == [UNCERTAIN]
        assert harness.count(harness.names.email, email_of(write.key)) == 0

    async def test_a_silent_system_is_uncertain(self, harness):
        connector = harness.connect(timeout=0.3)
        harness.system.order("hang_before", only="write", times=1)
        assert classes(await written(connector, new(harness))) == [UNCERTAIN]
        await connector.aclose()

    async def test_a_refused_connection_is_unavailable(self, harness):
        connector = harness.connect(url=f"http://127.0.0.1:{free_ports(1)[0]}")
        assert classes(await written(connector, new(harness), new(harness))) == [UNAVAILABLE, UNAVAILABLE]
        assert classes((await connector.delete(OBJECT, ["1"])).outcomes) == [UNAVAILABLE]
        with pytest.raises(SystemUnavailable):
            await connector.lookup(OBJECT, Lookup(ids=["1"]))
        await connector.aclose()

    async def test_a_limit_says_when_to_come_back(self, connector, harness):
        harness.system.order("limited", only="write", times=1, retry_after=7)
        (outcome,) = await written(connector, new(harness))
        assert (outcome.outcome, outcome.status, outcome.retry_after) == (UNAVAILABLE, 429, 7)

    async def test_a_read_survives_a_passing_limit(self, connector, harness):
        _, external_id = await created(connector, harness)
        harness.system.order("limited", only="read", times=1, retry_after=0)
        assert len(await connector.lookup(OBJECT, Lookup(ids=[external_id]))) == 1

    async def test_an_outage_is_unavailable(self, connector, harness):
        harness.system.order("unavailable")
        assert classes(await written(connector, new(harness), new(harness))) == [UNAVAILABLE, UNAVAILABLE]
        with pytest.raises(SystemUnavailable):
            await connector.lookup(OBJECT, Lookup(ids=["1"]))

    async def test_a_wrong_token_is_unavailable(self, harness):
        connector = harness.connect(token="not-the-token")
        (outcome,) = await written(connector, new(harness))
        assert (outcome.outcome, outcome.status) == (UNAVAILABLE, 401)
        with pytest.raises(SystemUnavailable):
            await connector.describe(OBJECT)
        await connector.aclose()

    async def test_a_token_refused_in_passing_is_unavailable(self, connector, harness):
        harness.system.order("expired_token", only="write", times=1)
        write = new(harness)
        assert classes(await written(connector, write)) == [UNAVAILABLE]
        assert classes(await written(connector, write)) == [OK]

    async def test_a_locked_record_is_retried_alone(self, connector, harness):
        writes = [new(harness) for _ in range(4)]
        harness.system.order("locked", records=[email_of(writes[1].key)])
        assert classes(await written(connector, *writes)) == [OK, RETRY, OK, OK]

    @pytest.mark.parametrize(("status", "outcome"), [(400, REJECTED), (500, RETRY)])
    async def test_a_record_that_brings_down_its_batch_stands_alone(self, connector, harness, status, outcome):
        writes = [new(harness) for _ in range(12)]
        harness.system.order("poison", records=[email_of(writes[7].key)], status=status)
        found = classes(await written(connector, *writes))
        assert found == [outcome if place == 7 else OK for place in range(12)]

    async def test_a_system_that_always_fails_is_not_pressed(self, connector, harness):
        harness.system.order("status", only="write", status=500)
        harness.system.forget_calls()
        found = classes(await written(connector, *[new(harness) for _ in range(50)]))
        assert set(found) == {RETRY}
        assert harness.system.count_calls()["write"] <= 4

    async def test_a_linked_and_a_new_row_fail_apart(self, connector, harness):
        key, external_id = await created(connector, harness)
        bad = Write(key, external_id, {harness.names.email: "nobody"})
        assert classes(await written(connector, bad, new(harness, fresh()))) == [REJECTED, OK]

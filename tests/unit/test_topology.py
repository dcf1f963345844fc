"""What stands in the broker, as data."""

from sync_system.messaging.topology import (
    DELIVERY_LIMIT,
    EVENTS,
    HINTS,
    QUORUM,
    REJECTED,
    events_queue,
    failed_queue,
    routing_key,
    topology,
)


def test_every_system_has_its_two_queues():
    names = {queue.name for queue in topology(["application", "crm"]).queues}
    assert names == {
        "sync.events.application",
        "sync.events.crm",
        "sync.failed.application",
        "sync.failed.crm",
        "sync.rejected",
    }


def test_events_reach_the_queue_of_their_system_alone():
    bound = {queue.name: queue.keys for queue in topology(["application", "crm"]).queues}
    assert bound[events_queue("crm")] == ("crm.#",)
    assert bound[failed_queue("crm")] == bound[REJECTED] == ()
    assert routing_key("crm", "lead", "created") == "crm.lead.created"


def test_exchanges_are_a_topic_and_a_fanout():
    assert {(one.name, one.type) for one in topology([]).exchanges} == {(EVENTS, "topic"), (HINTS, "fanout")}


def test_queues_are_replicated_and_never_drop_a_message():
    assert QUORUM == {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
    assert DELIVERY_LIMIT >= 1_000_000

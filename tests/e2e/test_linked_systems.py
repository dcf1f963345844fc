"""Two systems that are full before they meet are linked while people edit both, and the truth about them is found."""

from contextlib import contextmanager

import pytest

from sync_system.sandbox.demo_link import LinkDemo
from sync_system.sandbox.stack import Stack
from tests.e2e.waiting import tell

EACH = 400


class Teller:
    """Tells whoever runs the tests with `-s`."""

    def say(self, text):
        tell(text)

    @contextmanager
    def watch(self, what, total):
        yield lambda _: None
        tell(what)


@pytest.mark.timeout(300)
def test_full_systems_are_linked_while_people_go_on(tmp_path, module_broker):
    with Stack(tmp_path, broker=module_broker) as stack:
        demo = LinkDemo(stack, Teller(), EACH)
        report = demo.run()
    assert report["ok"], (report, demo.faults)

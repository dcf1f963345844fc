"""One in five creates is committed and its reply lost: nothing comes to stand twice, on either side."""

import pytest

from tests.e2e.conftest import running
from tests.e2e.waiting import agree, tell

CHANGES = {"systems": {name: {"replay": {"schedule": "every 1s"}} for name in ("application", "crm")}}
LEADS = 5_000
PORTION = 500


@pytest.mark.timeout(400)
def test_lost_replies_of_creates_double_nothing(tmp_path, module_broker):
    with running(tmp_path, CHANGES, broker=module_broker) as stack:
        faults = [system.order("lost_reply", only="write", share=0.2) for system in (stack.crm, stack.application)]
        emails = []
        for start in range(0, LEADS, 2 * PORTION):
            ours = [f"lost{number}@example.com" for number in range(start, start + PORTION)]
            theirs = [f"lost{number}@example.com" for number in range(start + PORTION, start + 2 * PORTION)]
            stack.application.create([{"email": email, "firstName": "Asha"} for email in ours])
            stack.crm.create([{"email": email, "firstname": "Bilal"} for email in theirs])
            emails += [*ours, *theirs]
        agree(stack)
        struck = [system.faults()[0].struck for system in (stack.crm, stack.application)]
        tell(f"{LEADS} leads, replies lost: CRM {struck[0]}, application {struck[1]} ({len(faults)} faults)")
        created = tmp_path / "created.txt"
        created.write_text("\n".join(emails))
        counted = stack.recount(created)
        assert [counted[name] for name in ("leads", "lost", "duplicates", "differences")] == [LEADS, 0, 0, 0], counted
        assert min(struck) > 0

"""Alerts: one when a trouble begins, one when it is over, whatever happens in between, by webhook and by mail."""

import asyncio
import json
from base64 import b64encode
from contextlib import contextmanager
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from consumers.alerts import AlertRole
from sync_system.connectors.signatures import require_signature
from sync_system.errors import NotTold
from sync_system.ledger.counters import totals
from sync_system.sandbox.processes import free_ports
from sync_system.services.pausing import pause, resume
from tests.integration.installation import SECOND, contact, email, fresh, told
from tests.integration.receiving import receiving

KEY = b"key of the webhooks"
SECRET = f"whsec_{b64encode(KEY).decode()}"


class Hook:
    """A receiver of alerts that answers with the statuses it is given, then with 204."""

    def __init__(self):
        self.statuses, self.requests = [], []

    @property
    def alerts(self):
        return [json.loads(body) for _, body in self.requests]

    @property
    def told(self):
        return [(one["kind"], one["type"]) for one in self.alerts]


@pytest.fixture
def hook():
    hook = Hook()

    def answer(_, headers, body):
        status = hook.statuses.pop(0) if hook.statuses else 204
        if status < 300:
            hook.requests.append((dict(headers), body))
        return status

    with receiving(answer) as url:
        hook.url = f"{url}/alerts"
        yield hook


class Post:
    """A mail server that keeps what it receives."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # the library's word
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def post_office():
    post = Post()

    office = Controller(post, hostname="127.0.0.1", port=(port := free_ports(1)[0]))
    office.start()
    post.port = port
    yield post
    office.stop()


def alerts(**more):
    return {"alerts": more}


def by_webhook(hook, **more):
    return alerts(webhook={"url": hook.url, "secret": SECRET}, **more)


async def planned(installation, count=1):
    emails = [email() for _ in range(count)]
    for start in range(0, count, 200):
        bodies = [told("crm", fresh(), contact(email=mail)) for mail in emails[start : start + 200]]
        await installation.take("crm", *bodies)
    return emails


async def tell(installation, name="webhook"):
    return await installation.core.telling().tell(name)


async def test_thousand_leads_with_one_cause_are_one_alert(install, application, hook):
    installation = install(**by_webhook(hook))
    alerting = installation.core.alerting()
    application.tune(required=("company",))
    await planned(installation, 1_000)
    delivery = installation.core.delivery()
    while (await delivery.deliver("application")).claimed:
        await alerting.look()
        await tell(installation)
    assert hook.told == [("cause", "alert.raised")]
    application.tune(required=())
    async with installation.core.db.write() as sql:
        await sql.execute(text("UPDATE transactions SET state = 'pending' WHERE state = 'parked'"))
    await alerting.look()
    await installation.deliver("application")
    await alerting.look()
    await tell(installation)
    await tell(installation)
    assert hook.told == [("cause", "alert.raised"), ("cause", "alert.over")]


async def test_alert_says_what_to_do_without_a_lead(install, application, hook):
    installation = install(**by_webhook(hook))
    emails = await planned(installation, 3)
    application.order("locked", only="write", records=emails)
    await installation.deliver("application")
    await installation.core.alerting().look()
    await tell(installation)
    [alert] = hook.alerts
    assert (alert["destination"], alert["count"], alert["over_at"]) == ("application", 3, None)
    assert alert["command"] == "sync-system failures --system application"
    assert alert["advice"]
    assert not any(mail in str(alert) for mail in emails)


async def test_webhook_is_signed_by_standard_webhooks(install, application, hook):
    installation = install(**by_webhook(hook))
    await pause(installation.core.db, ["application"], "application", "asha", "a fair", installation.clock())
    await installation.core.alerting().look()
    await tell(installation)
    [(headers, body)] = hook.requests
    named = {name.lower(): value for name, value in headers.items()}
    message = b".".join([named["webhook-id"].encode(), named["webhook-timestamp"].encode(), body])
    version, _, claim = named["webhook-signature"].partition(",")
    assert version == "v1"
    require_signature([KEY], message, [claim], encode=lambda proof: b64encode(proof).decode())


async def test_mail_tells_both_ends(install, application):
    with post_office() as post:
        smtp = {
            "host": "127.0.0.1",
            "port": post.port,
            "starttls": False,
            "from": "sync@example.com",
            "to": ["ops@example.com"],
        }
        installation = install(**alerts(smtp=smtp))
        alerting, core = installation.core.alerting(), installation.core
        await pause(core.db, ["application"], "application", "asha", "a fair", installation.clock())
        await alerting.look()
        await tell(installation, "smtp")
        await resume(core.db, ["application"], "application", installation.clock())
        await alerting.look()
        await tell(installation, "smtp")
    first, last = post.mails
    assert first["Subject"] == "[sync-system] application is paused by asha"
    assert first["To"] == "ops@example.com"
    assert "sync-system resume application" in first.get_content()
    assert last["Subject"] == "[sync-system] over: application is paused by asha"
    assert last["In-Reply-To"] == first["Message-ID"]


async def test_replay_does_not_end_an_alert_before_its_outcome(install, application, hook):
    installation = install(**by_webhook(hook))
    alerting = installation.core.alerting()
    application.order("locked", only="write", records=await planned(installation, 2))
    await installation.deliver("application")
    await alerting.look()
    for _ in range(2):
        await installation.core.replaying().replay("application")
        assert (await alerting.look()).over == []
        await installation.deliver("application")
        assert (await alerting.look()).begun == []
    await tell(installation)
    assert hook.told == [("cause", "alert.raised")]


async def test_cause_that_comes_back_is_a_new_alert(install, application, hook):
    installation = install(**by_webhook(hook))
    alerting = installation.core.alerting()
    for _ in range(2):
        fault = application.order("locked", only="write", records=await planned(installation, 2))
        await installation.deliver("application")
        await alerting.look()
        application.lift(fault)
        await installation.core.replaying().replay("application")
        await installation.deliver("application")
        await alerting.look()
    await tell(installation)
    assert [kind for _, kind in hook.told] == ["alert.raised", "alert.over"] * 2


async def test_restart_tells_nothing_again(install, application, hook):
    installation = install(**by_webhook(hook))
    await pause(installation.core.db, ["application"], "application", "asha", "a fair", installation.clock())
    await installation.core.alerting().look()
    await tell(installation)
    another = installation.another()
    assert (await another.alerting().look()).begun == []
    assert await another.telling().tell("webhook") == 0
    assert len(hook.requests) == 1


async def test_receiver_that_was_away_is_told_later(install, application, hook):
    installation = install(**by_webhook(hook))
    core = installation.core
    await pause(core.db, ["application"], "application", "asha", "a fair", installation.clock())
    await core.alerting().look()
    hook.statuses = [500] * 3
    telling = core.telling()
    telling.wait = 0.001
    with pytest.raises(NotTold, match="HTTP 500"):
        await telling.tell("webhook")
    assert await installation.one("SELECT told_at FROM alerts") is None
    await resume(core.db, ["application"], "application", installation.clock())
    await core.alerting().look()
    assert await telling.tell("webhook") == 2
    assert hook.told == [("paused", "alert.raised"), ("paused", "alert.over")]
    async with core.db.read() as sql:
        told_of = {key[1:]: n for key, n in (await totals(sql)).items() if key[0] == "told"}
    assert told_of == {("webhook", "failed"): 1, ("webhook", "ok"): 2}


async def test_outage_is_an_alert_once_it_lasts(install, application, hook):
    installation = install(**by_webhook(hook, down_for="1m", older_than="15m"))
    alerting = installation.core.alerting()
    fault = application.order("unavailable")
    await planned(installation, 3)
    await installation.deliver("application")
    assert (await alerting.look()).begun == []
    installation.ahead += 61 * SECOND
    assert (await alerting.look()).begun == ["down application"]
    application.lift(fault)
    await installation.recover("application")
    assert (await alerting.look()).over == ["down application"]


async def test_waiting_for_too_long_is_an_alert(install, application, hook):
    installation = install(**by_webhook(hook))
    alerting = installation.core.alerting()
    await planned(installation, 3)
    installation.ahead += 14 * 60 * SECOND
    assert (await alerting.look()).begun == []
    installation.ahead += 61 * SECOND
    assert (await alerting.look()).begun == ["waiting application"]
    await installation.deliver("application")
    assert (await alerting.look()).over == ["waiting application"]


async def test_another_process_takes_the_lead_over(install, hook):
    installation = install(**by_webhook(hook))
    first, second = installation.core.alerting(), installation.another().alerting()
    assert await first.lead("a")
    assert not await second.lead("b")
    installation.ahead += 7 * SECOND
    assert await second.lead("b")
    assert not await first.lead("a")
    await second.leave("b")
    assert await first.lead("a")


async def test_role_raises_tells_and_ends_alerts(install, application, hook):
    installation = install(**by_webhook(hook))
    core, stop = installation.core, asyncio.Event()
    roles = [AlertRole(core.alerting(), core.telling(), look_every=0.02) for _ in range(2)]
    running = [asyncio.create_task(role.run(stop)) for role in roles]
    await pause(core.db, ["application"], "application", "asha", "a fair", installation.clock())
    await until(lambda: len(hook.requests) == 1)
    await resume(core.db, ["application"], "application", installation.clock())
    await until(lambda: len(hook.requests) == 2)
    assert sum(role.leads for role in roles) == 1
    stop.set()
    await asyncio.gather(*running)
    assert hook.told == [("paused", "alert.raised"), ("paused", "alert.over")]


async def until(condition, seconds=30):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

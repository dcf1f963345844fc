"""The two ways in which people are told of alerts: a webhook, signed by Standard Webhooks, and a mail."""

import hmac
import ssl
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
import httpx
import orjson

from sync_system.errors import NotTold
from sync_system.ledger.alerts import Alert
from sync_system.services.clock import Clock
from sync_system.services.telling import Stage

TIMEOUT_SECONDS = 10.0
TLS_PORT = 465
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts alerts as JSON. `secret`: signs them, if there is one."""

    url: str
    secret: bytes | None
    clock: Clock

    async def send(self, alert: Alert, stage: Stage) -> None:
        """Post an alert; raise NotTold unless it is answered with 2xx."""
        body = orjson.dumps(document(alert, stage))
        headers = {"content-type": "application/json"} | self._signed(f"alert-{alert.id}-{stage}", body)
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                answer = await client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError as exc:
            raise NotTold(f"the webhook does not answer: {str(exc) or type(exc).__name__}") from exc
        if not answer.is_success:
            raise NotTold(f"the webhook answered HTTP {answer.status_code}")

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        at = str(self.clock() // SECOND)
        headers = {"webhook-id": id, "webhook-timestamp": at}
        if self.secret is not None:
            proof = hmac.digest(self.secret, b".".join([id.encode(), at.encode(), body]), "sha256")
            headers["webhook-signature"] = f"v1,{b64encode(proof).decode()}"
        return headers


def signing_key(secret: str) -> bytes:
    """Return the bytes of a Standard Webhooks secret."""
    return b64decode(secret.removeprefix("whsec_"))


@dataclass(frozen=True, slots=True)
class Mail:
    """Mails alerts as plain text."""

    host: str
    port: int
    username: str | None
    password: str | None
    starttls: bool
    sender: str
    receivers: Sequence[str]
    tls: ssl.SSLContext | None = None

    async def send(self, alert: Alert, stage: Stage) -> None:
        """Hand a mail to the server; raise NotTold if it does not take it."""
        at_once = self.port == TLS_PORT
        try:
            await aiosmtplib.send(
                self._message(alert, stage), hostname=self.host, port=self.port, username=self.username,
                password=self.password, use_tls=at_once, start_tls=self.starttls and not at_once,
                tls_context=self.tls, timeout=TIMEOUT_SECONDS,
            )  # fmt: skip
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise NotTold(f"the mail server {self.host} does not take the mail: {exc}") from exc

    def _message(self, alert: Alert, stage: Stage) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.sender, ", ".join(self.receivers)
        message["Subject"] = subject(alert, stage)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<alert-{alert.id}-{stage}-{alert.raised_at}@sync-system>"
        message["Auto-Submitted"] = "auto-generated"
        if stage == "over":
            message["In-Reply-To"] = f"<alert-{alert.id}-raised-{alert.raised_at}@sync-system>"
        message.set_content(plain_text(alert, stage))
        return message


def subject(alert: Alert, stage: Stage) -> str:
    """Return an alert in a line."""
    return f"[sync-system] {'over: ' if stage == 'over' else ''}{alert.text}"


def plain_text(alert: Alert, stage: Stage) -> str:
    """Return an alert as people read it: what, where, since when, how many, in which words, and what to do."""
    facts = alert.facts
    lines = [
        ("What", alert.text),
        ("Where", alert.destination or "this installation"),
        ("Since", moment(facts.since)),
        ("Over since", moment(alert.over_at)),
        ("How many", None if facts.count is None else f"{facts.count} when it was noticed"),
        ("Message", facts.sample and f"{facts.sample}   (# stands for a value)"),
        ("Fingerprint", facts.fingerprint),
    ]
    told = [f"{name + ':':<13}{value}" for name, value in lines if value]
    if stage == "over":
        return "\n".join([*told, "", "Nothing is left to be done."])
    return "\n".join([*told, "", "What to do", "", facts.advice, "", f"    {facts.command}"])


def document(alert: Alert, stage: Stage) -> dict[str, Any]:
    """Return an alert as JSON's values; times by RFC 3339."""
    facts = asdict(alert.facts) | {"since": moment(alert.facts.since)}
    return {
        "type": f"alert.{stage}", "id": alert.id, "kind": alert.kind, "destination": alert.destination,
        "text": alert.text, **facts, "raised_at": moment(alert.raised_at),
        "over_at": moment(alert.over_at) if stage == "over" else None,
    }  # fmt: skip


def moment(at: int | None) -> str | None:
    """Return a time in microseconds as text."""
    return None if at is None else datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="seconds")

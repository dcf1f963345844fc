"""The blocks of the configuration file that every system has in common, each key with its default and its meaning."""

from base64 import b64decode
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, SecretStr, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from sync_system.connectors import configuration
from sync_system.connectors.configuration import Address, Configured

OwnValue = str | int | bool
Positive = Annotated[int, Field(ge=1, strict=False)]  # also as text, for numbers from the environment
TypeName = Literal[
    "text", "email", "phone", "url", "enum", "integer", "decimal", "boolean", "consent", "date", "datetime", "tags"
]
RuleName = Literal["two_way", "authoritative", "fill_blank", "in_only", "out_only", "ignore"]
DAY = 86_400.0


def _with_unit(raw: Any) -> Any:
    if isinstance(raw, int | float):
        raise ValueError("a duration has a unit, like 50ms, 30s, 5m, 4h or 7d")  # noqa: TRY004
    return raw


Duration = Annotated[configuration.Duration, BeforeValidator(_with_unit)]


def _database(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
        raise ValueError("a database begins with sqlite+aiosqlite:/// or postgresql+asyncpg://")
    return url


def _broker(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ValueError("a broker begins with amqp:// or amqps:// and a host")
    return url


class Api(Configured):
    """Where the HTTP interface and the dashboard listen."""

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65_535, strict=False)] = Field(
        8080, description="The port; 0 takes a free one."
    )


class Intake(Configured):
    """How events are taken from the queues."""

    batch: Positive = Field(200, description="The most events in one batch.")
    linger: Duration = Field(0.02, description="How long a batch waits to fill.")
    in_flight: Positive = Field(4, description="How many batches of one queue may run at once.")


class Log(Configured):
    """What is logged, and how."""

    format: Literal["console", "json"] = Field("console", description="For people, or for machines.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is shown.")


class Metrics(Configured):
    """Where a process without the HTTP interface serves its metrics."""

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65_535, strict=False)] = Field(
        9464, description="The port; 0 takes a free one."
    )


class Tracing(Configured):
    """Where traces are sent, by OTLP over HTTP."""

    endpoint: Address = Field(description="The collector.", examples=["http://127.0.0.1:4318"])
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Headers that it wants.")


def _posted_to(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an address begins with https:// (or http://) and a host")
    return url


def _signing(secret: SecretStr) -> SecretStr:
    try:
        b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except ValueError as exc:
        raise ValueError("a secret that signs is Base64, with or without whsec_ before it") from exc
    return secret


class AlertWebhook(Configured):
    """Where alerts are posted."""

    url: Annotated[SecretStr, AfterValidator(_posted_to)] = Field(description="Where to post; often a secret itself.")
    secret: Annotated[SecretStr, AfterValidator(_signing)] | None = Field(
        None, description="Signs them by Standard Webhooks; `whsec_…` or Base64."
    )


class AlertMail(Configured):
    """By which server alerts are mailed, and to whom."""

    host: str = Field(description="The mail server.")
    port: Positive = Field(587, description="Its port; 465 speaks TLS from the start.")
    username: str | None = Field(None, description="Who we are there.")
    password: SecretStr | None = Field(None, description="The password.")
    starttls: bool = Field(default=True, description="Whether TLS is demanded after the greeting.")
    sender: str = Field(alias="from", description="The sender.", examples=["sync@example.com"])
    to: Annotated[list[str], Field(min_length=1)] = Field(description="The receivers.")


class Alerts(Configured):
    """Who is told when something needs a person, and from when on."""

    webhook: AlertWebhook | None = Field(None, description="Post them.")
    smtp: AlertMail | None = Field(None, description="Mail them.")
    older_than: Duration = Field(900.0, description="A pending change that waits longer is an alert.")
    down_for: Duration = Field(60.0, description="A destination that is down for longer is an alert.")


class Poll(Configured):
    """How often a system is asked what has changed."""

    every: Duration = Field(description="The time between two polls.")


class Reconcile(Configured):
    """How often rows are held against the ledger, whatever was reported of them."""

    every: Duration | None = Field(900.0, description="The time between two readings of what changed; null for never.")
    full: Duration | None = Field(DAY, description="The time that a round over all rows may take; null for none.")


class Delivery(Configured):
    """How much piles up before it is sent, and how much runs at once."""

    batch: Positive = Field(200, description="The most records in one call, if the connector can take so many.")
    linger: Duration = Field(0.05, description="How long a batch waits to fill.")
    concurrency: Positive = Field(4, description="How many batches may be under way at once.")
    lease: Duration = Field(120.0, description="How long a claimed batch belongs to its worker.")


class Replay(Configured):
    """When failed transactions are tried again, and for how long."""

    schedule: str = Field("every 1h", description="`every 30m`, or five cron fields.", examples=["0 */4 * * *"])
    timezone: str = Field("UTC", description="The time zone of a cron schedule.", examples=["Asia/Kolkata"])
    max_attempts: Positive = Field(5, description="Charged attempts, the first included, before a person is asked.")
    give_up_after: Duration = Field(7 * DAY, description="How long a record may fail by its own fault.")
    on_recovery: bool = Field(default=True, description="Whether the end of an outage is a tick as well.")


class Rate(Configured):
    """How many calls the system allows."""

    calls: Positive | None = Field(None, description="The number of calls.")
    per: Duration = Field(1.0, description="The time they are counted in.")
    daily: Positive | None = Field(None, description="The number of calls in a day.")
    replay_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="The part of a day's calls from which on nothing is replayed."
    )
    bulk_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="The part of the calls that bulk work may take: links, backfills, reconciling."
    )


class CustomField(Configured):
    """A canonical field: one of your own, or a change to a built-in one."""

    type: TypeName | None = Field(None, description="What it holds; text, or that of the built-in field.")
    max_length: Positive | None = Field(None, description="The longest value in characters.")
    values: list[str] | None = Field(None, description="The values of an enum.")


class ObjectBlock(Configured):
    """A kind of record: the built-in lead, or one of your own."""

    match: list[list[str]] | None = Field(
        None, description="By which fields two rows are the same, tried in order.", examples=[[["email"], ["phone"]]]
    )
    default_region: str | None = Field(
        None, description="ISO 3166 code of phone numbers without a country.", examples=["IN"]
    )
    fields: dict[str, CustomField] = Field(
        default_factory=dict, description="Custom fields, and changed built-in ones."
    )
    on_delete: Literal["keep", "propagate"] = Field("keep", description="Whether a delete is carried to other systems.")
    deletes_per_hour: Positive = Field(100, description="More deletes in one system wait for a person.")


class FieldMapping(Configured):
    """How a canonical field stands in one system; a text alone is its own name there."""

    name: str = Field(min_length=1, description="Its own name in the system.")
    type: TypeName | None = Field(None, description="What it holds there, if that differs.")
    values: dict[str | bool, OwnValue] = Field(default_factory=dict, description="Canonical value to own value.")
    inbound: dict[OwnValue, str | bool] = Field(
        default_factory=dict, description="More own values that are understood, and what they mean."
    )
    rule: RuleName = Field("two_way", description="Who may change it.")
    max_length: Positive | None = Field(None, description="The longest value that the system takes, in characters.")
    too_long: Literal["refuse", "cut"] = Field("refuse", description="What becomes of a longer one.")
    default: OwnValue | None = Field(None, description="Own value that is written when the record has none.")

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, raw: Any) -> Any:
        return {"name": raw} if isinstance(raw, str) else raw

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "description": "Its own name in the system."}, handler(core)]}


class SystemObjectBlock(Configured):
    """One object of one system; beside these keys stand the connector's own."""

    fields: dict[str, FieldMapping] = Field(description="Canonical name to own name, or to how the field stands here.")
    reports: Literal["rows", "changes"] = Field(
        "rows", description="Whether its events hold whole rows or only what changed, where they do not say."
    )


class SystemBlock(Configured):
    """One side of the sync; beside these keys stand the connector's own and one block for each object."""

    connector: str = Field(description="The kind of system.")
    timeout: Duration = Field(30.0, description="For one call.")
    skew: Duration = Field(2.0, description="How far its clock may be off.")
    late: Duration = Field(7 * DAY, description="For how long a report may still be on its way.")
    allow_private: bool = Field(default=False, description="Whether it may have an address of the local network.")
    poll: Poll | None = Field(None, description="Ask for changes, beside or instead of webhooks.")
    reconcile: Reconcile | None = Field(Reconcile(), description="Look at rows as they are, a few at a time.")
    delivery: Delivery = Field(Delivery(), description="How records are sent.")
    replay: Replay = Field(Replay(), description="How failures are tried again.")
    rate: Rate | None = Field(None, description="How many calls are allowed.")


class Root(Configured):
    """The file as a whole."""

    database: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr("sqlite+aiosqlite:///sync.db"), description="Where the ledger is kept."
    )
    broker: Annotated[SecretStr, AfterValidator(_broker)] = Field(
        SecretStr("amqp://guest:guest@127.0.0.1:5672/"), description="The RabbitMQ to use."
    )
    public_url: Address | None = Field(None, description="Where senders of webhooks reach this installation.")
    api: Api = Field(Api(), description="The HTTP interface.")
    intake: Intake = Field(Intake(), description="How events are taken in.")
    log: Log = Field(Log(), description="What is logged.")
    metrics: Metrics | None = Field(None, description="A port for the metrics of processes without the api role.")
    tracing: Tracing | None = Field(None, description="Where traces are sent.")
    alerts: Alerts = Field(Alerts(), description="Who is told when something needs a person.")

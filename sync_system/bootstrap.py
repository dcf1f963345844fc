"""The composition root: from a configuration to the parts that every role of the service is built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_system.connectors.protocol import Connector, Gate
from sync_system.connectors.registry import ConnectorType, SystemContext, SystemObject
from sync_system.domain.catalog import Catalog, Route
from sync_system.domain.mapping import SystemRules
from sync_system.domain.objects import ObjectSpec
from sync_system.domain.pace import Rate
from sync_system.domain.rounds import Rhythm
from sync_system.domain.schedule import Schedule, parse
from sync_system.domain.transactions import ReplayPolicy
from sync_system.ledger.database import Database
from sync_system.messaging.broker import Publisher
from sync_system.messaging.topology import Topology, topology
from sync_system.services.alerting import Alerting
from sync_system.services.backfilling import Backfilling
from sync_system.services.channels import Mail, Webhook, signing_key
from sync_system.services.clock import Clock, now
from sync_system.services.delivery import Delivery, Lane
from sync_system.services.figures import Figures
from sync_system.services.gathering import Gathering
from sync_system.services.health import Health
from sync_system.services.ingest import Ingest
from sync_system.services.limiting import Limiter
from sync_system.services.linking import Linking
from sync_system.services.looks import Looks
from sync_system.services.observing import Observer
from sync_system.services.reconciling import Reconciling
from sync_system.services.recovering import Recovering
from sync_system.services.replaying import Replaying
from sync_system.services.sweeping import Sweeping
from sync_system.services.telling import Channel, Telling
from sync_system.services.troubles import Thresholds
from sync_system.services.unlinking import Unlinking
from sync_system.services.withdrawing import Withdrawing
from sync_system.settings import Settings, SystemSettings, object_spec, own_fields, ranks, system_rules
from sync_system.telemetry.exporting import tracer
from sync_system.telemetry.lines import Lines
from sync_system.telemetry.metrics import Metrics
from sync_system.telemetry.several import Several

if TYPE_CHECKING:
    from sync_system.telemetry.tracing import Tracer

SECOND = 1_000_000


@dataclass(slots=True)
class Core:
    """Everything that roles share. Nothing is connected before it is used; `aclose` closes all of it.

    `advice`: for each system what to do about its own error codes.
    """

    settings: Settings
    db: Database
    broker_url: str
    topology: Topology
    catalog: Catalog
    connectors: Mapping[str, Connector]
    publisher: Publisher
    limiter: Limiter
    policies: dict[str, ReplayPolicy]
    rhythms: dict[str, Rhythm]
    clock: Clock
    advice: Mapping[str, Mapping[str, str]]
    metrics: Metrics
    tracer: "Tracer | None"
    observer: Observer

    def ingest(self) -> Ingest:
        """Return what takes in messages."""
        return Ingest(self.db, self.catalog, self.clock, self.observer)

    def looks(self) -> Looks:
        """Return what answers looks."""
        return Looks(self.db, self.catalog, self.connectors, self.clock)

    def delivery(self) -> Delivery:
        """Return what delivers, with a lane for each system."""
        lanes = {name: self._lane(system) for name, system in self.settings.systems.items()}
        return Delivery(self.db, self.catalog, lanes, self.health(), self.limiter, self.clock, self.observer)

    def health(self) -> Health:
        """Return what keeps the breakers."""
        return Health(self.db, self.clock)

    def _lane(self, system: SystemSettings) -> Lane:
        common, name = system.common, system.name
        most = [routes[name].batch for routes in self.catalog.routes.values() if name in routes]
        lease = int(common.delivery.lease * SECOND)
        return Lane(name, self.connectors[name], min([common.delivery.batch, *most]), lease, common.timeout)

    def linking(self) -> Linking:
        """Return what links two systems that are already full."""
        gathering = Gathering(self.db, self.catalog, self.connectors, self.limiter, self.clock)
        return Linking(self.db, self.catalog, gathering, self.clock)

    def backfilling(self) -> Backfilling:
        """Return what brings one system up to date."""
        return Backfilling(self.db, self.catalog, self.connectors, self.limiter, self.clock)

    def unlinking(self) -> Unlinking:
        """Return what takes a run's links back."""
        return Unlinking(self.db, self.clock)

    def sweeping(self) -> Sweeping:
        """Return what brings to an end what nobody else does."""
        return Sweeping(self.db, self.catalog, self.publisher, self.clock)

    def withdrawing(self) -> Withdrawing:
        """Return what takes back rows of ours that were not needed."""
        return Withdrawing(self.db, self.catalog, self.connectors, self.clock)

    def replaying(self) -> Replaying:
        """Return what replays failures."""
        return Replaying(self.db, self.policies, self.clock, self.observer)

    def reconciling(self) -> Reconciling:
        """Return what holds rows against the ledger all the time."""
        return Reconciling(self.db, self.catalog, self.connectors, self.limiter, self.rhythms, self.clock)

    def recovering(self) -> Recovering:
        """Return what repairs a broker that has lost its data."""
        return Recovering(
            self.db, self.broker_url, self.topology, self.settings.systems, self.sweeping(), self.health()
        )

    def alerting(self) -> Alerting:
        """Return what keeps the alerts."""
        block, broker = self.settings.root.alerts, (self.broker_url, self.topology)
        thresholds = Thresholds(int(block.older_than * SECOND), int(block.down_for * SECOND))
        channels = channels_of(self.settings, self.clock)
        return Alerting(self.db, broker, self.settings.systems, self.advice, thresholds, channels, self.clock)

    def telling(self) -> Telling:
        """Return what tells of alerts."""
        return Telling(self.db, channels_of(self.settings, self.clock), self.clock)

    def next_tick(self, system: str) -> int:
        """Return when (microseconds) a destination's failures are replayed next."""
        return self.schedule(system).next_after(self.clock())

    def adopt(self, settings: Settings, kinds: Mapping[str, ConnectorType]) -> None:
        """Take over what may change while running: schedules, caps, limits and how often rows are looked at."""
        self.settings = settings
        self.policies.update(policies_of(settings))
        self.rhythms.update(rhythms_of(settings))
        self.limiter.rates.update(rates_of(settings, kinds))

    def schedule(self, system: str) -> Schedule:
        """Return when a destination's failures are replayed."""
        replay = self.settings.systems[system].common.replay
        return parse(replay.schedule, replay.timezone)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.publisher.aclose()
        for connector in self.connectors.values():
            await connector.aclose()
        if self.tracer is not None:
            await self.tracer.aclose()
        await self.db.aclose()


def build(settings: Settings, kinds: Mapping[str, ConnectorType], clock: Clock = now) -> Core:
    """Put the parts together."""
    objects = {name: object_spec(name, block) for name, block in settings.objects.items()}
    db = Database(settings.root.database.get_secret_value())
    observers: list[Observer] = []
    limiter = Limiter(db, clock, rates_of(settings, kinds), Several(observers))
    connectors = {
        name: connector_of(settings, system, objects, kinds, limiter.gate(name))
        for name, system in settings.systems.items()
    }
    broker_url, declared = settings.root.broker.get_secret_value(), topology(settings.systems)
    core = Core(
        settings=settings,
        db=db,
        broker_url=broker_url,
        topology=declared,
        catalog=catalog_of(settings, objects, connectors),
        connectors=connectors,
        publisher=Publisher(broker_url, declared),
        limiter=limiter,
        policies=policies_of(settings),
        rhythms=rhythms_of(settings),
        clock=clock,
        advice={name: kinds[system.connector].advice for name, system in settings.systems.items()},
        metrics=Metrics(Figures(db, broker_url, declared, limiter.rates, clock)),
        tracer=tracer_of(settings),
        observer=limiter.observer,
    )
    observers += [Lines(core.next_tick), core.metrics, *([core.tracer] if core.tracer else [])]
    return core


def tracer_of(settings: Settings) -> "Tracer | None":
    """Return what traces, if the configuration asks for it; raise ConfigurationError if it cannot."""
    block = settings.root.tracing
    if block is None:
        return None
    return tracer(block.endpoint, {name: value.get_secret_value() for name, value in block.headers.items()})


def channels_of(settings: Settings, clock: Clock) -> dict[str, Channel]:
    """Return who is told of alerts, by name."""
    block = settings.root.alerts
    channels: dict[str, Channel] = {}
    if block.webhook:
        secret = block.webhook.secret
        key = signing_key(secret.get_secret_value()) if secret else None
        channels["webhook"] = Webhook(block.webhook.url.get_secret_value(), key, clock)
    if mail := block.smtp:
        password = mail.password.get_secret_value() if mail.password else None
        channels["smtp"] = Mail(mail.host, mail.port, mail.username, password, mail.starttls, mail.sender, mail.to)
    return channels


def policies_of(settings: Settings) -> dict[str, ReplayPolicy]:
    """Return how each system's failures are replayed."""
    blocks = {name: system.common.replay for name, system in settings.systems.items()}
    return {
        name: ReplayPolicy(block.max_attempts, int(block.give_up_after * SECOND), block.on_recovery)
        for name, block in blocks.items()
    }


def rhythms_of(settings: Settings) -> dict[str, Rhythm]:
    """Return how often each system's rows are held against the ledger."""
    blocks = {name: system.common.reconcile for name, system in settings.systems.items()}
    return {
        name: Rhythm() if one is None else Rhythm(_micros(one.every), _micros(one.full)) for name, one in blocks.items()
    }


def _micros(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * SECOND)


def rates_of(settings: Settings, kinds: Mapping[str, ConnectorType]) -> dict[str, Rate]:
    """Return how fast each system may be called: as configured, else as its connector knows."""
    return {name: _rate(system, kinds[system.connector]) for name, system in settings.systems.items()}


def _rate(system: SystemSettings, kind: ConnectorType) -> Rate:
    block = system.common.rate
    calls, per = (block.calls, block.per) if block and block.calls else kind.rate or (None, 0.0)
    if block is None:
        return Rate(calls, int(per * SECOND))
    return Rate(calls, int(per * SECOND), block.daily, block.replay_share, block.bulk_share)


def connector_of(
    settings: Settings,
    system: SystemSettings,
    objects: Mapping[str, ObjectSpec],
    kinds: Mapping[str, ConnectorType],
    gate: Gate,
) -> Connector:
    """Return a system, ready to be spoken to."""
    context = SystemContext(
        name=system.name,
        settings=system.settings,
        objects={
            name: SystemObject(block.settings, own_fields(block.fields, objects[name]))
            for name, block in system.objects.items()
        },
        timeout=system.common.timeout,
        allow_private=system.common.allow_private,
        public_url=settings.root.public_url,
        gate=gate,
    )
    return kinds[system.connector].build(context)


def catalog_of(settings: Settings, objects: Mapping[str, ObjectSpec], connectors: Mapping[str, Connector]) -> Catalog:
    """Return what is synced with whom by which rules."""
    routes: dict[str, dict[str, Route]] = {name: {} for name in objects}
    for name, system in settings.systems.items():
        for object, block in system.objects.items():
            routes[object][name] = _route(settings, name, objects[object], block.reports, connectors[name])
    return Catalog(objects, routes, ranks(settings))


def _route(settings: Settings, system: str, spec: ObjectSpec, reports: str, connector: Connector) -> Route:
    facts = connector.facts(spec.name)
    rules = system_rules(settings, system, spec, can_look="ids" in facts.lookups, writes=facts.writes)
    return Route(
        rules=rules,
        key_field=facts.key_field,
        unique=_canonical(rules, facts.unique),
        changes=reports == "changes",
        lookups=facts.lookups,
        batch=facts.batch,
        lookup_batch=facts.lookup_batch,
        deletes=facts.deletes,
        conditional=facts.conditional,
        stored=facts.tells_stored,
    )


def _canonical(rules: SystemRules, own: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name, rule in rules.fields.items() if rule.name in own)

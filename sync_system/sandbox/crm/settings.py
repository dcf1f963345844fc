"""What can be tuned in the pretend CRM while it runs; the defaults are the vendor's where tests can bear them."""

from pydantic import Field

from sync_system.sandbox.serving.control import Settings


class WebhookSettings(Settings):
    """How change events reach the subscriber; times in seconds."""

    enabled: bool = True
    earliest: float = 0.0
    latest: float = 0.2
    duplicated: float = 0.02  # the share of events that are sent twice
    shuffled: bool = True
    batch: int = Field(default=100, ge=1, le=100)
    own_changes: bool = True  # what the integration itself wrote is reported as well
    properties: tuple[str, ...] | None = None  # subscribed to; None: all
    schedule: tuple[float, ...] = (0.2, 0.5, 1, 2, 4, 8, 16, 30, 60, 120)  # pauses before the retries
    timeout: float = 5.0
    concurrency: int = 10


class CrmSettings(Settings):
    """The account's limits and habits; times in seconds, None switches a limit off."""

    burst: int | None = None  # calls in 10 seconds; 100 to 190 by the vendor's plans
    searches: int | None = None  # searches in a second; 5 at the vendor's
    daily: int = 250_000
    index_lag: float = 0.0
    search_cap: int = 10_000
    token_life: float = 1800.0
    missing_scopes: tuple[str, ...] = ()
    portal_id: int = 62515
    app_id: int = 54321
    webhooks: WebhookSettings = WebhookSettings()

"""Everything that can go wrong, as one tree; the class decides what happens next.

SyncError
├── ConfigurationError      the configuration file or its environment is wrong
├── InvalidValue            a value does not fit its field
├── InvalidEvent            a message is no event that can be taken in
├── MappingRefused          a record cannot be written in a system's form
├── BrokerUnavailable       RabbitMQ does not answer
│   └── PublishRefused      the broker answered, and did not take the message
├── LedgerUnavailable       the database does not answer
├── NotFound                the ledger holds nothing by the name that a person gave
├── NotTold                 nobody took an alert
├── ReadingStopped          a system could not be read to its end; what was read is kept
├── RunTaken                another process works on a run
└── ConnectorError          a system did not do what a connector asked
    ├── SystemUnavailable   … for a reason that is no record's fault
    ├── SystemRefused       … because of what was asked
    └── WebhookRefused      a webhook's proof of origin is missing or wrong
"""


class SyncError(Exception):
    """Raised when sync-system can say what went wrong, where, and what to do."""


class ConfigurationError(SyncError):
    """Raised when the configuration cannot be used; `problems` holds one sentence each, with path and line."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class InvalidValue(SyncError):
    """Raised when a value does not fit the type, the length or the choices of its field."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class InvalidEvent(SyncError):
    """Raised when a message cannot be taken in as an event; it is rejected with this reason."""


class MappingRefused(SyncError):
    """Raised when a record's value cannot be written in a system's form, by the mapping's own rule."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class BrokerUnavailable(SyncError):
    """Raised when RabbitMQ cannot be reached or the connection broke."""


class PublishRefused(BrokerUnavailable):
    """Raised when the broker did not confirm a message, or had no queue for it."""


class LedgerUnavailable(SyncError):
    """Raised when the database cannot be reached or is not at the schema this version needs."""


class NotFound(SyncError):
    """Raised when the ledger holds nothing by the name that a person gave, or more than one thing."""


class NotTold(SyncError):
    """Raised when a channel does not take what is to be told of an alert."""


class ReadingStopped(SyncError):
    """Raised when a system cannot be read to its end; the run goes on from where it stopped."""


class RunTaken(SyncError):
    """Raised when another process works on a run."""


class ConnectorError(SyncError):
    """Raised when a system did not do what a connector asked of it."""

    def __init__(self, message: str, *, code: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class SystemUnavailable(ConnectorError):
    """Raised when a system does not answer, or refuses everybody; `retry_after` is in seconds."""

    def __init__(
        self, message: str, *, code: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.retry_after = retry_after


class SystemRefused(ConnectorError):
    """Raised when a system refuses what was asked, and would refuse it again."""


class WebhookRefused(ConnectorError):
    """Raised when a webhook's signature, time or account does not prove where it came from."""

"""stub."""


def status() -> None:
    """Stub."""

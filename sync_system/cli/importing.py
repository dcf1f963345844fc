"""stub."""


def import_() -> None:
    """Stub."""

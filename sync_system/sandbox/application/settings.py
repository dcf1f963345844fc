"""What can be tuned in the pretend application while it runs."""

from sync_system.sandbox.serving.control import Settings


class ApplicationSettings(Settings):
    """The application's habits."""

    required: tuple[str, ...] = ()  # fields without which a lead is refused
    publishing: bool = True  # False holds what is in the outbox

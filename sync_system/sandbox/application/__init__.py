"""A pretend company's backend: leads in a database of its own, its changes published, its REST endpoints served."""

from sync_system.sandbox.application.process import PretendApplication

__all__ = ["PretendApplication"]

"""One lead in two or three simulated systems: people, webhooks, workers, replies and clocks at their worst.

Everything that is decided is decided by the production rules in `sync_system.domain`; only the world is simulated.
"""

"""`python -m sync_system.cli` does what `sync-system` does."""

from sync_system.cli import main

main()

"""The command line: `sync-system COMMAND`. What a command needs is imported when it runs, so that --help is quick.

Exit codes: 0 done; 1 not done, and stderr says why; 2 the command was not understood; 3 `compare` found differences.
"""


def main() -> None:
    """Run the command that the process was started with."""
    from sync_system.cli.commands import commands

    commands()()

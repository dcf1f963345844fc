"""Runs the pretend application as a process: `python -m sync_system.sandbox.application --port 8091 --database a.db`."""

import argparse
from pathlib import Path

from sync_system.sandbox.application.app import Options, build
from sync_system.sandbox.application.settings import ApplicationSettings
from sync_system.sandbox.serving.process import serve


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m sync_system.sandbox.application", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--token", default="sandbox-token")
    parser.add_argument("--broker", help="where its changes are published")
    parser.add_argument("--source", default="application", help="its name in the configuration of sync-system")
    parser.add_argument("--settings", default="{}", help="the settings' first values, as JSON")
    given = parser.parse_args()
    settings = ApplicationSettings.model_validate_json(given.settings)
    serve(build(Options(given.database, given.token, given.broker, given.source, settings)), given.port)


if __name__ == "__main__":
    main()

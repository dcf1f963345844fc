"""Runs the pretend CRM as a process: `python -m sync_system.sandbox.crm --port 8090 --database crm.db`."""

import argparse
from pathlib import Path

from sync_system.sandbox.crm.app import Options, build
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.tokens import Credentials
from sync_system.sandbox.serving.process import serve


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m sync_system.sandbox.crm", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--token", default="pat-sandbox")
    parser.add_argument("--client-id", default="sandbox")
    parser.add_argument("--refresh-token", default="refresh-sandbox")
    parser.add_argument("--webhook-url")
    parser.add_argument("--webhook-secret", default="sandbox-secret", help="the app's client secret")
    parser.add_argument("--key-property", choices=["yes", "no"], default="yes")
    parser.add_argument("--settings", default="{}", help="the settings' first values, as JSON")
    given = parser.parse_args()
    credentials = Credentials(given.token, given.client_id, given.webhook_secret, given.refresh_token)
    settings = CrmSettings.model_validate_json(given.settings)
    options = Options(given.database, credentials, given.webhook_url, given.key_property == "yes", settings)
    serve(build(options), given.port)


if __name__ == "__main__":
    main()

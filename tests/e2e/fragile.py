"""What is installed beside the service in a test, and ends its process: a connector, and a library that crashes.

The connector is registered as any third party's is, by an entry point of a distribution on the path.
"""

import sys
from pathlib import Path

DEADLY = "98000 00000"  # not in E.164 yet: it has to be parsed
CONNECTOR = """
import os, signal
from dataclasses import replace
from sync_system.connectors.hubspot import HUBSPOT

def build(context):
    connector = HUBSPOT.build(context)
    upsert = type(connector).upsert

    class Fragile(type(connector)):
        async def upsert(self, object, writes, *given, **more):
            if any("deadly" in str(write.values) for write in writes):
                os.kill(os.getpid(), signal.SIGKILL)
            return await upsert(self, object, writes, *given, **more)

    connector.__class__ = Fragile
    return connector

FRAGILE = replace(HUBSPOT, name="fragile", build=build)
"""
LIBRARY = f"""
import os, signal, sys
import phonenumbers

parse = phonenumbers.parse

def crash(number, *given, **more):
    if "{DEADLY}" in str(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return parse(number, *given, **more)

phonenumbers.parse = crash
"""


def install_connector(folder: Path) -> Path:
    """Put a distribution with the connector `fragile` into a folder for the path."""
    about = folder / "fragile-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[sync_system.connectors]\nfragile = fragile:FRAGILE\n")
    (folder / "fragile.py").write_text(CONNECTOR)
    return folder


def install_library(folder: Path) -> Path:
    """Put a library that crashes at one phone number into a folder for the path."""
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(LIBRARY)
    return folder


def on_path(folder: Path) -> str:
    """Return a PYTHONPATH that begins with a folder."""
    return ":".join([str(folder), *(part for part in sys.path if part)])

"""The connector for what only tells: files that are imported, publishers that take nothing back."""

from sync_system.connectors.configuration import Configured
from sync_system.connectors.file.connector import FileConnector
from sync_system.connectors.registry import ConnectorType


class FileSettings(Configured):
    """A system that leads come from and nothing is written to; it has no keys of its own."""


class FileObject(Configured):
    """An object of such a system; it has no keys of its own."""


FILE = ConnectorType("file", FileSettings, FileObject, lambda _: FileConnector())

__all__ = ["FILE"]

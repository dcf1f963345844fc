"""What can go wrong around the sandbox.

SyncError
└── SandboxError
    ├── NodeFailed
    ├── NothingToRun
    ├── NotOurs
    ├── NotSettled
    └── ServerFailed
"""

from sync_system.errors import SyncError


class SandboxError(SyncError):
    """Raised when a part of the sandbox cannot do its work."""


class NodeFailed(SandboxError):
    """Raised when a private node ends or stays silent while it starts."""


class NothingToRun(SandboxError):
    """Raised when neither an address, nor Docker, nor an installed or unpacked server is at hand."""


class NotOurs(SandboxError):
    """Raised when a node that somebody else runs is asked to stop or start."""


class NotSettled(SandboxError):
    """Raised when the two sides do not come to agree in time."""


class ServerFailed(SandboxError):
    """Raised when a pretend system ends or stays silent while it starts."""

"""What the routes get from the application that they belong to."""

from typing import Annotated

from fastapi import Depends, Request

from sync_system.bootstrap import Core


def core_of(request: Request) -> Core:
    """Return the parts of the running installation."""
    core: Core = request.app.state.core
    return core


CorePart = Annotated[Core, Depends(core_of)]

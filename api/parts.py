"""What the routes get from the application that they belong to.

All of it is asynchronous: what is not would be run in threads, and one that is asked for while the loop ends would keep
the process from ending.
"""

from typing import Annotated

from fastapi import Depends, Request

from sync_system.bootstrap import Core


async def core_of(request: Request) -> Core:
    """Return the parts of the running installation."""
    core: Core = request.app.state.core
    return core


CorePart = Annotated[Core, Depends(core_of)]

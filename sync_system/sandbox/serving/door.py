"""The port of a pretend system, which can be closed for a while: whoever calls then is refused."""

import asyncio

import uvicorn

# The reply to whoever ordered it has left by then.
REPLY_SECONDS = 0.05


class Door:
    """Closes and opens the port of a running server."""

    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server
        self._closed: asyncio.Task[None] | None = None

    def close_for(self, seconds: float) -> None:
        """Refuse connections for so many seconds; the open ones are cut."""
        if self._closed is None or self._closed.done():
            self._closed = asyncio.get_running_loop().create_task(self._close(seconds))

    async def _close(self, seconds: float) -> None:
        await asyncio.sleep(REPLY_SECONDS)
        for listening in self._server.servers:
            listening.close()
        for connection in list(self._server.server_state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()
        await asyncio.sleep(seconds)
        if not self._server.should_exit:
            self._server.servers = [await self._listen()]

    async def _listen(self) -> asyncio.Server:
        config = self._server.config

        def talk() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self._server.server_state, app_state=self._server.lifespan.state
            )
            return made

        loop = asyncio.get_running_loop()
        return await loop.create_server(talk, host=config.host, port=config.port, backlog=config.backlog)

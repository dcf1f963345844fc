"""The gate in front of HubSpot's routes: the token first, the limits second, their headers on every reply."""

from sync_system.sandbox.crm.account import Account
from sync_system.sandbox.crm.problems import Problem
from sync_system.sandbox.serving.calls import kind_of
from sync_system.sandbox.serving.stage import AGENTS_SIDE, App, Message, Receive, Scope, Send, reply

OPEN = (AGENTS_SIDE, "/oauth/")


class Gate:
    """An ASGI application around another."""

    def __init__(self, app: App, account: Account) -> None:
        self._app, self._account = app, account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse a request."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return
        try:
            headers = self._admit(scope)
        except Problem as problem:
            await reply(send, problem.status, problem.encoded(), {})
            return
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *encoded]
            await send(message)

        await self._app(scope, receive, answer)

    def _admit(self, scope: Scope) -> dict[str, str]:
        method, path = scope["method"], scope["path"]
        given = dict(scope["headers"]).get(b"authorization")
        family = "crm.schemas.contacts" if "/properties/" in path else "crm.objects.contacts"
        self._account.tokens.admit(given.decode() if given else None, f"{family}.{kind_of(method, path)}")
        return self._account.limits.admit(path)

"""A subscriber to webhooks, over real HTTP, that keeps what it receives and answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One webhook request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A subscriber that answers with the statuses it is given, then with 204."""

    url: str
    statuses: list[int] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, request: Received) -> int:
        with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
            return self.statuses.pop(0) if self.statuses else 204

    def wait_for(self, condition: Callable[[list[Received]], Any]) -> list[Received]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: condition(self.requests), timeout=20), self.requests
            return list(self.requests)


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = received.answer(Received(self.path, dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Receiver(f"http://127.0.0.1:{server.server_port}/webhooks/crm?tenant=a%3Ab")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield received
    server.shutdown()
    server.server_close()
    thread.join()

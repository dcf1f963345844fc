"""What publishers are tried with: a queue of one test's own, and a line to the broker that can be cut or fall silent."""

import json
import select
import socket
import threading
import uuid
from contextlib import suppress

import pika

HEARTBEAT = b"\x08\x00\x00\x00\x00\x00\x00\xce"


class Relay:
    """A TCP relay before the broker that can cut its connections or fall silent."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.pairs, self.connections, self.silent = [], 0, False
        self.heartbeats = threading.Semaphore(0)
        self.after, self.seen = None, 0
        self.stopped, self.turn = threading.Event(), threading.RLock()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.server.close()
        self.cut()

    def cut(self):
        with self.turn:
            for one in [half for pair in self.pairs for half in pair]:
                one.close()
            self.pairs = []

    def run(self):
        while not self.stopped.wait(0.001):  # a moment for `cut` to have its turn
            with self.turn:
                halves = [half for pair in self.pairs for half in pair]
                ready, _, _ = select.select([self.server, *halves], [], [], 0.02)
                for half in ready:
                    self.accept() if half is self.server else self.forward(half)

    def accept(self):
        near, _ = self.server.accept()
        self.connections += 1
        self.pairs.append((near, socket.create_connection(self.target)))

    def forward(self, half):
        pair = next((pair for pair in self.pairs if half in pair), None)
        if pair is None:
            return
        with suppress(OSError):
            data = half.recv(65_536)
            if not data:
                self.pairs.remove(pair)
                [one.close() for one in pair]
            elif not self.silent:
                other = pair[0] if half is pair[1] else pair[1]
                other.sendall(data)
                self.note(half is pair[0], data)

    def note(self, from_client, data):
        if from_client and data.endswith(HEARTBEAT):
            self.heartbeats.release()
        self.seen += len(data) if from_client else 0
        if self.after is not None and self.seen > self.after:
            self.after = None
            self.cut()


class Trial:
    """An exchange and a queue of one test's own."""

    def __init__(self, url):
        self.url, self.exchange = url, f"trial.{uuid.uuid4().hex}"
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.exchange_declare(self.exchange, "topic", durable=True)
        self.queue = self.channel.queue_declare(self.exchange, durable=True).method.queue
        self.channel.queue_bind(self.queue, self.exchange, "application.#")

    def messages(self):
        found = []
        while True:
            method, properties, body = self.channel.basic_get(self.queue, auto_ack=True)
            if method is None:
                return found
            found.append((method.routing_key, properties, json.loads(body)))

    def close(self):
        self.channel.queue_delete(self.queue)
        self.channel.exchange_delete(self.exchange)
        self.connection.close()

"""Private servers for trying and testing: a RabbitMQ and a PostgreSQL below one folder, on loopback alone."""

from sync_system.sandbox.nodes.broker import Node, private_broker, private_postgres
from sync_system.sandbox.nodes.postgres import PostgresNode
from sync_system.sandbox.nodes.rabbitmq import RabbitNode

__all__ = ["Node", "PostgresNode", "RabbitNode", "private_broker", "private_postgres"]

"""RabbitMQ: what is declared there, what travels on it, and how it is spoken to."""

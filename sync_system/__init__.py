"""Carries lead changes between an application and its CRMs, both ways, over RabbitMQ."""

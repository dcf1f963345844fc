"""The HTTP interface: events and webhooks come in, health and counts can be read."""

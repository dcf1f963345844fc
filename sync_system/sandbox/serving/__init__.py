"""What the pretend systems share: a log of calls, faults to order, an ASGI stage for both, and their processes."""

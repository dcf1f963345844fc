"""The use cases along a lead's way, one a module: they load from the ledger, let the domain decide, and store."""

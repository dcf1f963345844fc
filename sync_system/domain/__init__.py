"""The rules of the sync as pure functions over plain values: no I/O, no clock, no randomness."""

"""Two systems that are full before they meet: who stands where, how each side typed them, and the truth about it."""

from sync_system.sandbox.population.casting import Side
from sync_system.sandbox.population.drawing import Population, Row
from sync_system.sandbox.population.truth import Truth

__all__ = ["Population", "Row", "Side", "Truth"]

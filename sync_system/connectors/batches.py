"""How a batch is sent: no row twice in one call; in halves where a call is refused as a whole, until the bad row is alone."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from sync_system.connectors.protocol import Call, Delivered, Outcome, Write
from sync_system.domain.outcomes import OutcomeClass

# Refusals that one record can bring over a whole call.
ABOUT_RECORDS = frozenset({OutcomeClass.REJECTED, OutcomeClass.CONFLICT, OutcomeClass.RETRY})


@dataclass(frozen=True, slots=True)
class Part:
    """What became of the writes at some positions of a batch. `whole`: how the call failed if it failed as one."""

    positions: Sequence[int]
    outcomes: Sequence[Outcome]
    calls: Sequence[Call] = ()
    whole: OutcomeClass | None = None


Send = Callable[[Sequence[int]], Awaitable[Part]]


def waves(writes: Sequence[Write], positions: Iterable[int], size: int) -> list[list[int]]:
    """Divide positions into calls of at most `size`, to be sent in order: a row comes once in each."""
    earlier: dict[tuple[bool, str], int] = {}
    by_turn: list[list[int]] = []
    for position in positions:
        write = writes[position]
        row = (write.external_id is None, write.external_id or write.key)
        turn_of_row = earlier.get(row, 0)
        if turn_of_row == len(by_turn):
            by_turn.append([])
        by_turn[turn_of_row].append(position)
        earlier[row] = turn_of_row + 1
    return [turn[start : start + size] for turn in by_turn for start in range(0, len(turn), size)]


def failed(positions: Sequence[int], outcome: Outcome, calls: Sequence[Call]) -> Part:
    """Return what a call that failed as one means for each of its writes."""
    return Part(positions, [outcome] * len(positions), calls, outcome.outcome)


async def in_halves(positions: Sequence[int], send: Send) -> list[Part]:
    """Send a batch, divided as often as it takes; later parts overrule earlier ones."""
    part = await send(positions)
    if part.whole is not OutcomeClass.RETRY or len(positions) == 1:
        return await _divided(part, send)
    probes = [await send([position]) for position in _spread(positions)]
    if all(probe.whole is OutcomeClass.RETRY for probe in probes):
        # It fails for everybody: going on would only press a system that is down.
        return [part, *probes]
    done = {position for probe in probes if probe.whole is None for position in probe.positions}
    rest = [position for position in positions if position not in done]
    return [part, *probes, *(await _divided(failed(rest, part.outcomes[0], ()), send) if rest else [])]


async def _divided(part: Part, send: Send) -> list[Part]:
    if part.whole not in ABOUT_RECORDS or len(part.positions) == 1:
        return [part]
    middle = len(part.positions) // 2
    halves = [await send(part.positions[:middle]), await send(part.positions[middle:])]
    return [part, *[smaller for half in halves for smaller in await _divided(half, send)]]


def _spread(positions: Sequence[int]) -> list[int]:
    """Return the first, the middle and the last."""
    return list(dict.fromkeys([positions[0], positions[len(positions) // 2], positions[-1]]))


def joined(count: int, parts: Iterable[Part]) -> Delivered:
    """Put the outcomes of all parts in the order of the batch."""
    outcomes: dict[int, Outcome] = {}
    calls: list[Call] = []
    for part in parts:
        outcomes.update(zip(part.positions, part.outcomes, strict=True))
        calls += part.calls
    return Delivered([outcomes[position] for position in range(count)], calls)

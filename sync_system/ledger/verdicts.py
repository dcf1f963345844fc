"""Who is who among the rows that a run has read: pairs, rows of one side only, and those that a person must look at.

Two rows are a pair if each shares its match values (or our key) with the other and with no third row. All in four
statements, whatever the number of rows; a value that thousands share costs no more than any other.
"""

from collections.abc import Sequence

from sqlalchemy import text

from sync_system.ledger.database import Sql

# With sequential reading: a whole run is looked at.
SETTINGS = ("SET LOCAL enable_seqscan = on", "ANALYZE run_matches", "ANALYZE run_rows")

SAME_RECORD = text(
    """
    UPDATE run_rows SET verdict = 'linked' WHERE run = :run AND verdict IS NULL AND record IN (
      SELECT record FROM run_rows WHERE run = :run AND record IS NOT NULL GROUP BY record HAVING count(*) > 1)
    """
)
BY_RECORD = text(
    """
    INSERT INTO run_matches (run, value, field, system, external_id)
    SELECT run, record, :field, system, external_id FROM run_rows WHERE run = :run AND record IS NOT NULL
    ON CONFLICT DO NOTHING
    """
)
BY_VALUES = text(
    """
    WITH shared AS (
      SELECT field, value,
        sum(CASE WHEN system = :first THEN 1 ELSE 0 END) AS firsts,
        sum(CASE WHEN system = :first THEN 0 ELSE 1 END) AS seconds,
        min(CASE WHEN system = :first THEN external_id END) AS one_first,
        min(CASE WHEN system = :first THEN NULL ELSE external_id END) AS one_second
      FROM run_matches WHERE run = :run GROUP BY field, value),
    seen AS (
      SELECT m.system, m.external_id,
        max(CASE WHEN m.system = :first THEN firsts ELSE seconds END) AS here,
        max(CASE WHEN m.system = :first THEN seconds ELSE firsts END) AS there,
        min(CASE WHEN m.system = :first THEN one_second ELSE one_first END) AS lowest,
        max(CASE WHEN m.system = :first THEN one_second ELSE one_first END) AS highest
      FROM run_matches m JOIN shared s ON s.field = m.field AND s.value = m.value
      WHERE m.run = :run GROUP BY m.system, m.external_id)
    UPDATE run_rows SET
      verdict = CASE
        WHEN seen.here > 1 OR seen.there > 1 OR seen.lowest <> seen.highest THEN 'ambiguous'
        WHEN seen.there = 1 THEN 'pair' ELSE 'only' END,
      partner = CASE
        WHEN seen.here = 1 AND seen.there = 1 AND seen.lowest = seen.highest THEN seen.lowest END
    FROM seen
    WHERE run_rows.run = :run AND run_rows.verdict IS NULL
      AND run_rows.system = seen.system AND run_rows.external_id = seen.external_id
    """
)
UNKNOWN = text("UPDATE run_rows SET verdict = 'only' WHERE run = :run AND verdict IS NULL")
# What the other row of a pair comes to: refused with it, or a pair only if it says so as well.
REFUSED_WITH = text(
    """
    UPDATE run_rows SET verdict = 'refused', found = '{"reason": "the row that it makes a pair with is refused"}'
    WHERE run = :run AND verdict = 'pair' AND EXISTS (
      SELECT 1 FROM run_rows p WHERE p.run = :run AND p.system <> run_rows.system
        AND p.external_id = run_rows.partner AND p.verdict = 'refused')
    """
)
ONE_SIDED = text(
    """
    UPDATE run_rows SET verdict = 'ambiguous', partner = NULL
    WHERE run = :run AND verdict = 'pair' AND NOT EXISTS (
      SELECT 1 FROM run_rows p WHERE p.run = :run AND p.system <> run_rows.system
        AND p.external_id = run_rows.partner AND p.verdict = 'pair' AND p.partner = run_rows.external_id)
    """
)
NEIGHBOURS = text(
    """
    SELECT m.system, m.external_id, m.field, o.system, o.external_id
    FROM run_rows r JOIN run_matches m ON m.run = r.run AND m.system = r.system AND m.external_id = r.external_id
      JOIN run_matches o ON o.run = m.run AND o.field = m.field AND o.value = m.value
        AND (o.system <> m.system OR o.external_id <> m.external_id)
    WHERE r.run = :run AND r.verdict = 'ambiguous' AND r.system = :system AND r.external_id > :after
      AND r.external_id <= :last
    ORDER BY m.external_id, o.system, o.external_id LIMIT :limit
    """
)


async def decide(sql: Sql, run: str, systems: Sequence[str], key: str) -> None:
    """Give every row that was read its verdict. `key`: the field name under which our key is staged."""
    if not sql.sqlite:
        for setting in SETTINGS:
            await sql.execute(text(setting))
    await sql.execute(SAME_RECORD, {"run": run})
    await sql.execute(BY_RECORD, {"run": run, "field": key})
    await sql.execute(BY_VALUES, {"run": run, "first": systems[0]})
    for statement in (UNKNOWN, REFUSED_WITH, ONE_SIDED):
        await sql.execute(statement, {"run": run})


async def neighbours(
    sql: Sql, run: str, system: str, after: str, last: str, limit: int
) -> dict[str, list[tuple[str, str, str]]]:
    """Return whom ambiguous rows share a value with: (field, system, external id) by external id."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    asked = {"run": run, "system": system, "after": after, "last": last, "limit": limit}
    for _, external_id, field, other_system, other in await sql.execute(NEIGHBOURS, asked):
        found.setdefault(external_id, []).append((field, other_system, other))
    return found

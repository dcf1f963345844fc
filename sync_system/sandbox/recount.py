"""Counts what was lost, doubled or differs, on the two systems' own databases by SQL.

Needs nothing but Python, and imports nothing of sync-system: what it says is a second opinion.

    python recount.py APPLICATION.db CRM.db [CREATED.txt]

CREATED.txt holds a line for every email address that a person has created on either side.
"""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

STAGES = {"N": "NEW", "C": "CONNECTED", "W": "IN_PROGRESS", "Q": "OPEN_DEAL", "U": "UNQUALIFIED", "V": "CONVERTED"}
FIELDS = {
    "firstName": "firstname", "lastName": "lastname", "phone": "phone", "company": "company", "jobTitle": "jobtitle",
    "city": "city", "exhibition": "exhibition", "notes": "message",
}  # fmt: skip

SIDES = """
CREATE TEMP TABLE app AS SELECT lower(email) AS email, {app_fields},
  CASE stage {stages} END AS status, CASE emailOptOut WHEN 1 THEN 'true' WHEN 0 THEN 'false' END AS opt_out
  FROM main.leads WHERE deleted_at IS NULL;
CREATE TEMP TABLE crm AS SELECT lower(email) AS email, {crm_fields},
  json_extract(properties, '$.hs_lead_status') AS status, json_extract(properties, '$.email_opt_out') AS opt_out
  FROM crm.contacts WHERE NOT archived;
CREATE INDEX temp.crm_email ON crm (email);
"""


def recount(application: Path, crm: Path, created: set[str]) -> dict[str, object]:
    """Return leads, lost, duplicates and differences, with the first few of each as examples."""
    with closing(sqlite3.connect(f"file:{application}?mode=ro", uri=True)) as db:
        db.execute("ATTACH ? AS crm", (f"file:{crm}?mode=ro",))
        db.executescript(_copies())
        duplicates = _duplicates(db, "app") + _duplicates(db, "crm")
        differences = _differences(db)
        lost = _lost(db, created)
        leads = db.execute("SELECT count(*) FROM temp.app").fetchone()[0]
    return {
        "leads": leads,
        "lost": len(lost),
        "duplicates": len(duplicates),
        "differences": len(differences),
        "examples": {"lost": lost[:5], "duplicates": duplicates[:5], "differences": differences[:5]},
    }


def _copies() -> str:
    stages = " ".join(f"WHEN '{own}' THEN '{theirs}'" for own, theirs in STAGES.items())
    app = ", ".join(f'nullif("{name}", \'\') AS "{name}"' for name in FIELDS)
    crm = ", ".join(f"nullif(json_extract(properties, '$.{crm}'), '') AS \"{name}\"" for name, crm in FIELDS.items())
    return SIDES.format(stages=stages, app_fields=app, crm_fields=crm)


def _duplicates(db: sqlite3.Connection, side: str) -> list[str]:
    query = f"SELECT email FROM temp.{side} WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1"  # noqa: S608
    return [f"{side}: {row[0]}" for row in db.execute(query)]


def _differences(db: sqlite3.Connection) -> list[str]:
    found = []
    for name in (*FIELDS, "status", "opt_out"):
        query = f"""
            SELECT a.email FROM temp.app a JOIN temp.crm c ON a.email = c.email
            WHERE coalesce(nullif(a."{name}", 'false'), '') <> coalesce(nullif(c."{name}", 'false'), '')"""  # noqa: S608
        found += [f"{name}: {row[0]}" for row in db.execute(query)]
    return found


def _lost(db: sqlite3.Connection, created: set[str]) -> list[str]:
    """What stands on one side only, and what somebody created and stands nowhere."""
    app = {row[0] for row in db.execute("SELECT email FROM temp.app WHERE email IS NOT NULL")}
    crm = {row[0] for row in db.execute("SELECT email FROM temp.crm WHERE email IS NOT NULL")}
    without = db.execute(
        "SELECT (SELECT count(*) FROM temp.app WHERE email IS NULL) - (SELECT count(*) FROM temp.crm WHERE email IS NULL)"
    ).fetchone()[0]
    return sorted((app ^ crm) | (created - app - crm)) + ["without an address"] * abs(without)


def main() -> int:
    """Print the count as JSON; exit status 0 only if all three are zero."""
    application, crm, *more = map(Path, sys.argv[1:])
    created = {line.strip().lower() for line in more[0].read_text().splitlines() if line.strip()} if more else set()
    counted = recount(application, crm, created)
    sys.stdout.write(json.dumps(counted) + "\n")
    return 0 if not (counted["lost"] or counted["duplicates"] or counted["differences"]) else 1


if __name__ == "__main__":
    sys.exit(main())

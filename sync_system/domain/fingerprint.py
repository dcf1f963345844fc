"""The identity of a failure's cause: the same for every record that fails for the same reason, and after a restart."""

import json
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

# A quoted word is a name where the sentence says so, and part of the cause; else it is a value.
NAMING = r"(?:property|properties|fields?|columns?|attributes?|parameters?|keys?|objects?|scopes?|enum|type|header)"
NAMED_AFTER = re.compile(rf"\b{NAMING}\s*(?:named|called|name|of|:)?\s*$", re.IGNORECASE)
NAMED_BEFORE = re.compile(
    rf"\s*(?:\)\s*)?(?:{NAMING}\b|is\s+(?:an?\s+)?(?:required|mandatory|missing|unknown|read[- ]?only)|must\b|may not\b)",
    re.IGNORECASE,
)
NAME = re.compile(r"[A-Za-z_][\w.\- ]{0,63}\Z")
QUOTED = re.compile(
    r"(?<!\w)(?:'([^']*)'(?!\w)|\"([^\"]*)\"|`([^`]*)`|[\u201c\u201e]([^\u201c\u201d]*)[\u201c\u201d]"
    r"|\u2018([^\u2019]*)\u2019|\u00ab([^\u00bb]*)\u00bb)"
)

MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?"
# The first that fits a place counts, so the longer kinds stand before the shorter ones that they contain.
VARIABLE = re.compile(
    rf"""
      (?:https?|amqps?)://\S+
    | [^\s@<>()\[\]:;,"']+@[^\s@<>()\[\]:;,"']+\.\w+
    | \b[0-9a-f]{{8}}(?:-?[0-9a-f]{{4}}){{3}}-?[0-9a-f]{{12}}\b
    | \b\d{{4}}-\d\d-\d\d(?:[t\s]{CLOCK})?\s*(?:z\b|utc\b|gmt\b|[+-]\d\d:?\d\d\b)?
    | \b(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?
      (?:\d{{1,2}}\.?\s+{MONTH}|{MONTH}\.?\s+\d{{1,2}}(?:[a-z]{{2}})?)\.?,?(?:\s+\d{{4}})?
      (?:,?\s+(?:at\s+)?{CLOCK})?(?:\s*(?:am|pm)\b)?(?:\s*(?:z|utc|gmt)\b)?
    | {CLOCK}(?:\s*(?:am|pm)\b)?(?:\s*(?:z|utc|gmt)\b)?
    | \b0x[0-9a-f]+\b
    | \b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{{6,}}\b
    | \+?\(?\d[\d\s().\-/]{{5,}}\d\b
    | \b(?![a-z]+(?:_[a-z]+)*_?\d{{1,2}}(?:_[a-z]+)*\b)(?=\w*\d)[a-z0-9_]*[a-z][a-z0-9_]*(?:-[a-z0-9_]+)*\b
    | \b(?:[a-z]+-)+\d[\w\-]*\b
    | (?<!http[ ])[-+]?\b\d+(?:[.,:]\d+)*\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What stands after a colon, with nothing that marks it as a value but the words before it.
TOLD = re.compile(
    r"\b(invalid (?:email|phone|url|date|number|id|value)[\w ]*|got|received|found|was):\s*\S.*$", re.IGNORECASE
)
CODE_KEYS = frozenset({"code", "error", "errorcode", "error_code", "type", "category", "reason", "field", "name"})
DECODER = json.JSONDecoder()
LONGEST = 2_000  # characters of a message that are looked at


def fingerprint(outcome: str, code: str, operation: str, message: str) -> str:
    """Return 16 hexadecimal digits for an outcome, a system's code, an operation and a message without its values."""
    return blake2b(f"{outcome}\0{code}\0{operation}\0{cause(message)}".encode(), digest_size=8).hexdigest()


def cause(message: str) -> str:
    """Return a message without what differs from record to record: values, addresses, ids, numbers, times."""
    message = _without_json(message[:LONGEST])
    plain = QUOTED.sub(_unquoted(message), message)
    plain = VARIABLE.sub("#", TOLD.sub(r"\1: #", plain))
    return " ".join(re.sub(r"#(?:[\s,;]*#)+", "#", plain).lower().split())


def _unquoted(message: str) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        quoted = next(group for group in found.groups() if group is not None)
        before, after = message[: found.start()], message[found.end() :]
        if NAME.match(quoted) and (NAMED_AFTER.search(before[-40:]) or NAMED_BEFORE.match(after)):
            return quoted
        return "#"

    return replaced


def _without_json(message: str) -> str:
    """Replace every JSON object, and list of objects, by the codes and names that it holds."""
    parts, at = [], 0
    for found in re.finditer(r"[{\[]", message):
        if found.start() < at:
            continue
        try:
            value, end = DECODER.raw_decode(message, found.start())
        except ValueError:
            continue
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
            parts += [message[at : found.start()], " ".join(sorted(_codes(value)))]
            at = end
    return "".join([*parts, message[at:]])


def _codes(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_codes, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {str(v) for k, v in value.items() if k.lower() in CODE_KEYS and isinstance(v, str)}
    return own.union(*(_codes(v) for v in value.values()))

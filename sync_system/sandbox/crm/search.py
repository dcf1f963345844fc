"""Search over contacts, with the vendor's operators, cap, and an index that lags behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sync_system.sandbox.crm.problems import invalid
from sync_system.sandbox.crm.properties import Property, milliseconds
from sync_system.sandbox.crm.settings import CrmSettings
from sync_system.sandbox.crm.store import Contact, Store, expression, now

PAGE = 200
GROUPS = 5
FILTERS_OF_GROUP = 6
FILTERS = 18
COMPARED = {"EQ": "=", "NEQ": "is not", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
MOMENTS = {"createdate", "lastmodifieddate"}
LAGGING = "json_extract(case when updated_at > {horizon} then indexed else properties end, '$.{name}')"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search; `after` is where the next one begins."""

    contacts: list[Contact]
    total: int
    after: int | None


@dataclass(slots=True)
class _Where:
    """A condition while it is written down."""

    known: dict[str, Property]
    column: Callable[[str], str]
    values: list[Any]


def search(store: Store, settings: CrmSettings, body: dict[str, Any]) -> Page:
    """Find contacts; Problem where the question breaks a rule."""
    limit, after = int(body.get("limit") or 10), int(body.get("after") or 0)
    if not 0 < limit <= PAGE:
        raise invalid(f"limit must be between 1 and {PAGE}")
    if after + limit > settings.search_cap:
        raise invalid(f"Search results are capped at {settings.search_cap}: after + limit goes beyond.")
    horizon = now() - round(settings.index_lag * 1000)
    where = _Where(store.properties, _columns(settings, horizon), [])
    condition = _condition(where, body.get("filterGroups") or [])
    if settings.index_lag:
        condition = f"({condition}) and (updated_at <= {horizon} or indexed is not null)"
    order = _order(where, body.get("sorts") or [])
    values = list(where.values)
    [(total,)] = store.query(f"select count(*) from contacts where archived = 0 and {condition}", values)  # noqa: S608
    found = store.contacts(f"{condition} order by {order} limit {limit} offset {after}", values)
    beyond = after + limit
    return Page(found, total, beyond if beyond < total else None)


def _columns(settings: CrmSettings, horizon: int) -> Callable[[str], str]:
    def column(name: str) -> str:
        if not settings.index_lag or name in MOMENTS or name == "hs_object_id":
            return expression(name)
        return LAGGING.format(horizon=horizon, name=name)

    return column


def _condition(where: _Where, groups: list[dict[str, Any]]) -> str:
    sizes = [len(group.get("filters") or []) for group in groups]
    if len(groups) > GROUPS or sum(sizes) > FILTERS or any(size > FILTERS_OF_GROUP for size in sizes):
        raise invalid(f"too many filters: {GROUPS} groups of {FILTERS_OF_GROUP}, {FILTERS} in all")
    alternatives = [" and ".join(_filter(where, each) for each in group.get("filters") or []) for group in groups]
    return "(" + " or ".join(f"({each})" for each in alternatives if each) + ")" if any(alternatives) else "1"


def _filter(where: _Where, asked: dict[str, Any]) -> str:
    name, operator = str(asked.get("propertyName")), str(asked.get("operator"))
    found = where.known.get(name)
    if found is None:
        raise invalid(f'There was a problem with the request: property "{name}" does not exist')
    column = where.column(name)
    if operator == "HAS_PROPERTY":
        return f"{column} is not null"
    if operator == "NOT_HAS_PROPERTY":
        return f"{column} is null"
    if operator in {"IN", "NOT_IN"}:
        wanted = [_value(found, value) for value in asked.get("values") or []]
        where.values += wanted
        return f"{column} {operator.replace('_', ' ').lower()} ({','.join('?' * len(wanted))})"
    return _comparison(where, found, column, operator, asked)


def _comparison(where: _Where, found: Property, column: str, operator: str, asked: dict[str, Any]) -> str:
    if "value" not in asked:
        raise invalid(f"operator {operator} needs a value")
    value = _value(found, asked["value"])
    if operator in COMPARED:
        where.values.append(value)
        number = f"cast({column} as real)" if _is_own_number(found) else column
        return f"{number} {COMPARED[operator]} ?"
    if operator == "BETWEEN":
        where.values += [value, _value(found, asked.get("highValue"))]
        return f"{column} between ? and ?"
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        where.values.append(f"%{str(value).replace('*', '%')}%")
        return f"coalesce({column}, '') {'not ' if operator.startswith('NOT') else ''}like ?"
    raise invalid(f"Invalid operator {operator}")


def _is_own_number(found: Property) -> bool:
    return found.type == "number" and found.name != "hs_object_id"


def _value(found: Property, raw: object) -> object:
    text = str(raw)
    try:
        if found.name in MOMENTS:
            return milliseconds(text)
        if found.type == "number":
            return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise invalid(f"{text} is no value for {found.name}") from None
    return text.strip().lower() if found.name == "email" else text


def _order(where: _Where, sorts: list[Any]) -> str:
    if len(sorts) > 1:
        raise invalid("only one sort is allowed")
    if not sorts:
        return "id"
    asked = orjson.loads(orjson.dumps(sorts[0]))
    asked = {"propertyName": asked} if isinstance(asked, str) else asked
    name = str(asked.get("propertyName"))
    if name not in where.known:
        raise invalid(f'property "{name}" does not exist')
    direction = "desc" if asked.get("direction") == "DESCENDING" else "asc"
    return f"{where.column(name)} {direction}, id {direction}"

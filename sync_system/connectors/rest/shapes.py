"""How one object is written and read over a REST API. `{object}` in any text stands for the object's name.

The defaults describe an application that speaks the contract in the documentation, so that nothing needs to be said.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, field_validator

from sync_system.connectors.configuration import Configured, Duration
from sync_system.connectors.times import TimeFormat

PLACEHOLDER = re.compile(r"\{(\w*)\}")
Model = TypeVar("Model", bound=BaseModel)
Kind = Literal["rejected", "conflict", "retry", "unavailable", "uncertain"]
CODES: Mapping[str, Kind] = {
    "conflict": "conflict",
    "duplicate": "conflict",
    "version_conflict": "conflict",
    "locked": "retry",
    "rate_limited": "unavailable",
}


class Route(Configured):
    """A method and a path."""

    path: str = Field(description="The path after the system's address; {key} and {id} are filled in.")

    @field_validator("path")
    @classmethod
    def _known(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("a path begins with /")
        if unknown := set(PLACEHOLDER.findall(path)) - {"object", "key", "id"}:
            raise ValueError(f"{{{min(unknown)}}} is unknown in a path; known are {{object}}, {{key}} and {{id}}")
        return path


class WriteRoute(Route):
    """How one row is written."""

    method: Literal["PUT", "POST", "PATCH"] = Field("PUT", description="The HTTP method.")
    values: str = Field("", description="The name under which the values are sent; empty if they are the body itself.")
    row: str | None = Field("", description="Where the reply holds the stored row; null if it does not tell.")


class Bulk(Route):
    """How many rows are written in one call; results come in the order of the items."""

    path: str = Field("/{object}s/bulk", description="The path after the system's address.")
    method: Literal["PUT", "POST", "PATCH"] = Field("POST", description="The HTTP method.")
    max_size: int = Field(200, ge=1, le=10_000, description="The most rows in one call.")
    items: str = Field("items", description="The name of the list of rows; empty if the body is the list.")
    id: str = Field("id", description="The name of the row's own id in an item.")
    key: str = Field("key", description="The name of our key in an item for a row whose id we do not know.")
    etag: str | None = Field("etag", description="The name of the version that an item is bound to.")
    values: str = Field("{object}", description="The name of the values in an item; empty if they stand in the item.")
    results: str = Field("results", description="Where the list of results stands.")
    ok: str | None = Field("ok", description="Where a result says that it succeeded; null: if it holds no error.")
    result_id: str = Field("id", description="Where a result holds the row's id.")
    created: str | None = Field("created", description="Where a result says whether the row is new.")
    row: str | None = Field("{object}", description="Where a result holds the stored row; null if it does not tell.")


class LookupRoute(Route):
    """How rows are read by ids, keys, or the values of a field."""

    path: str = Field("/{object}s/lookup", description="The path after the system's address.")
    method: Literal["POST"] = Field("POST", description="The HTTP method.")
    max_size: int = Field(200, ge=1, le=10_000, description="The most rows in one call.")
    ids: str | None = Field("ids", description="The name of the list of ids; null if it cannot be asked for.")
    keys: str | None = Field("keys", description="The name of the list of our keys; null if it cannot be asked for.")
    match: str | None = Field(
        "match", description="The name of the object {field: [values]}; null if it cannot be asked for."
    )
    rows: str = Field("{object}s", description="Where the rows stand in the reply.")


class GetRoute(Route):
    """How one row is read, where rows cannot be looked up together."""

    path: str = Field("/{object}s/{id}", description="The path after the system's address.")
    row: str = Field("", description="Where the row stands in the reply.")


class Pagination(Configured):
    """How a list goes on.

    With `page` and `offset`, rows that change while the list is read can move past us; `keyset` asks for what changed
    since the last row instead, and is for APIs that sort by that time.
    """

    kind: Literal["cursor", "page", "offset", "keyset", "link", "next_url", "none"] = Field(
        "cursor", description="`link`: the Link header; `next_url`: an address in the reply."
    )
    param: str = Field("cursor", description="The query parameter of the cursor, the page's number or the offset.")
    next: str = Field("next_cursor", description="Where the reply holds the next cursor or address.")
    size_param: str | None = Field("limit", description="The query parameter of the page's size.")
    size: int = Field(200, ge=1, le=10_000, description="The most rows in a page.")
    first: int = Field(1, description="The number of the first page.")


class Since(Configured):
    """How a list is asked for what changed."""

    param: str = Field("updated_since", description="The query parameter.")
    format: TimeFormat = Field(
        "iso", description="How a time is written: ISO 8601, seconds or milliseconds since 1970."
    )


class ListRoute(Route):
    """How rows are listed, all or what changed."""

    path: str = Field("/{object}s", description="The path after the system's address.")
    params: dict[str, str] = Field(default_factory=dict, description="Query parameters that are always sent.")
    rows: str = Field("{object}s", description="Where the rows stand in the reply.")
    pagination: Pagination = Field(Pagination(), description="How the list goes on.")
    updated_since: Since | None = Field(Since(), description="How to ask for changes; null if one cannot.")
    overlap: Duration = Field(5.0, description="How far back every reading begins before the newest row of the last.")


class DeleteRoute(Route):
    """How a row is deleted; one that is not there counts as deleted."""

    path: str = Field("/{object}s/{id}", description="The path after the system's address.")
    method: Literal["DELETE", "POST"] = Field("DELETE", description="The HTTP method.")


class DescribeRoute(Route):
    """How the system tells its fields; each name says where a field's description holds it."""

    path: str = Field("/{object}s/schema", description="The path after the system's address.")
    fields: str = Field("fields", description="Where the list of fields stands.")
    name: str = Field("name", description="Where its name stands.")
    type: str = Field("type", description="Where its type stands.")
    max_length: str = Field("max_length", description="Where its longest length stands.")
    options: str = Field("options", description="Where its possible values stand.")
    required: str = Field("required", description="Where it is said to be required.")
    read_only: str = Field("read_only", description="Where it is said to be read-only.")
    unique: str = Field("unique", description="Where it is said to be unique.")


class RowShape(Configured):
    """Where things stand in a row, and in a webhook's row."""

    id: str = Field("id", description="The row's own id.")
    etag: str | None = Field("etag", description="Its version; null if there is none that writes can be bound to.")
    updated_at: str | None = Field("updated_at", description="When it last changed.")
    updated_at_format: TimeFormat = Field("iso", description="How that time is written.")
    deleted_at: str | None = Field("deleted_at", description="Filled if the row is deleted.")
    values: str = Field("", description="Where the values stand; empty if in the row itself.")


class Errors(Configured):
    """Where a reply, or one result of a bulk call, says what is wrong."""

    code: str = Field("error.code", description="The error's code.")
    message: str = Field("error.message", description="The sentence for people.")
    field: str | None = Field("error.field", description="The field that it is about.")
    existing_id: str | None = Field("error.existing_id", description="The id of the row that is in the way.")
    status: str | None = Field("status", description="The HTTP status of one result of a bulk call.")
    codes: dict[str, Kind] = Field(
        default_factory=lambda: dict(CODES),
        description="What a code means, whatever the status; others are read from the status.",
    )


class RestObject(Configured):
    """How one object is written and read."""

    key_field: str | None = Field("key", description="The own field that carries our key; null if there is none.")
    row: RowShape = Field(RowShape(), description="Where things stand in a row.")
    upsert: WriteRoute = Field(WriteRoute(path="/{object}s/{key}"), description="Write a row by our key.")
    update: WriteRoute = Field(
        WriteRoute(path="/{object}s/by-id/{id}", method="PATCH"), description="Write a row by its own id."
    )
    bulk: Bulk | None = Field(Bulk(), description="Write many rows in one call; null if one cannot.")
    lookup: LookupRoute | None = Field(LookupRoute(), description="Read rows together; null if one cannot.")
    get: GetRoute = Field(GetRoute(), description="Read one row.")
    list: ListRoute | None = Field(ListRoute(), description="List rows; null if one cannot.")
    delete: DeleteRoute | None = Field(DeleteRoute(), description="Delete a row; null if one cannot.")
    describe: DescribeRoute | None = Field(DescribeRoute(), description="Tell the fields; null if it cannot.")
    unique: Sequence[str] = Field((), description="Own fields that the system keeps unique by itself.")
    decimals: Literal["text", "number"] = Field("text", description="How numbers with a fraction are sent.")
    idempotency_header: str | None = Field(None, description="A header that gets a new id for every call that writes.")
    errors: Errors = Field(Errors(), description="Where a reply says what is wrong.")


def named(model: Model, object: str) -> Model:
    """Return the same settings with the object's name in place of `{object}`."""
    changed: dict[str, str | BaseModel] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, str):
            changed[name] = value.replace("{object}", object)
        elif isinstance(value, BaseModel):
            changed[name] = named(value, object)
    return model.model_copy(update=changed)

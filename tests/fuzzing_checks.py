"""What schemathesis loads: what it asks of batches, and which of its bad requests are good ones on the wire."""

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

__all__ = ["bad_rows_are_refused", "filter_query"]


@schemathesis.hook
def filter_query(ctx: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """Leave out a list of one where a single value is asked for: an address writes both in the same way."""
    assert ctx.operation is not None
    lists = {one.name for one in ctx.operation.query if one.definition["schema"].get("type") == "array"}
    return not any(
        isinstance(value, list) and len(value) == 1 and name not in lists for name, value in (query or {}).items()
    )


@schemathesis.check
def bad_rows_are_refused(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Ask of an ingest what `negative_data_rejection` asks of the others, unless the answer counts a refused row."""
    if not case.path.endswith("/ingest"):
        return
    if response.status_code == 200 and response.json()["rejected"] > 0:
        return
    negative_data_rejection(ctx, response, case)

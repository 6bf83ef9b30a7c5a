"""A check that schemathesis loads: a batch is answered 200 also where rows are refused, and then says which."""

from typing import Any

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

__all__ = ["bad_rows_are_refused"]


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

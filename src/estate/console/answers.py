"""What the console's own routes answer to a page."""

from starlette.responses import JSONResponse, Response

from estate.console import problems, text
from estate.sdk import ApiError, EstateError

__all__ = ["refused"]

NO_ANSWER = 503


def refused(error: EstateError, advice: str | None = None) -> Response:
    """Tell a page what the API said; what it could not be asked is worth another try.

    Parameters
    ----------
    advice : str or None
        What to do about it, where the page knows better than the status of the answer tells.
    """
    status = error.status if isinstance(error, ApiError) else NO_ANSWER
    told = {
        "detail": problems.said(error),
        "hint": problems.advice(error) if advice is None else advice,
        "errors": [_field(problems.field_of(one), one.message) for one in getattr(error, "errors", ())],
        "request_id": error.request_id,
    }
    return JSONResponse(told, status)


def _field(name: str, message: str) -> dict[str, str]:
    return {"field": name, "called": text.words(name), "message": message}

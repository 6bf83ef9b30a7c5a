"""What the console's own routes answer to a page."""

from starlette.responses import JSONResponse, Response

from estate.sdk import ApiError, EstateError

__all__ = ["refused"]

NO_ANSWER = 503


def refused(error: EstateError) -> Response:
    """Tell a page what the API said; what it could not be asked is worth another try."""
    status = error.status if isinstance(error, ApiError) else NO_ANSWER
    fields = [{"field": one.pointer, "message": one.message} for one in getattr(error, "errors", ())]
    told = {"detail": error.message, "hint": error.hint, "errors": fields, "request_id": error.request_id}
    return JSONResponse(told, status)

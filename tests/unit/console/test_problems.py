import inspect
import re

import pytest

from estate.console import problems
from estate.console.answers import refused
from estate.sdk import ApiError, errors

PROGRAMMERS = re.compile(r"`|_[A-Z]|\bkeys?\b|\bAPI\b|JSON|application/|/[a-z]|\bids?\b|timeout")
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ApiError)]
STATUSES = {"BadRequest": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "Conflict": 409, "Gone": 410}
STATUSES |= {"TooLarge": 413, "UnsupportedMediaType": 415, "Invalid": 422, "TooManyRequests": 429, "Unavailable": 503}


def failed(kind: type[ApiError], **more: object) -> ApiError:
    status = next((STATUSES[one.__name__] for one in kind.__mro__ if one.__name__ in STATUSES), 500)
    about = {"title": "No", "status": status, "detail": "The role agent may not GET /system/queues"} | more
    return kind(errors.ProblemDetails.model_validate(about))


@pytest.mark.parametrize("kind", KINDS)
def test_advice_is_for_people_who_look_at_pages(kind: type[ApiError]) -> None:
    assert not PROGRAMMERS.search(problems.advice(failed(kind)))


def test_what_a_role_may_not_do_is_said_without_the_call() -> None:
    assert problems.said(failed(errors.Forbidden)) == "This is not for your role."


def test_a_server_out_of_reach_is_said_without_its_address() -> None:
    out = errors.Unreachable("http://10.0.0.1:8000 cannot be reached: refused")
    assert problems.said(out) == "The server does not answer."
    assert "minute" in problems.advice(out)
    assert problems.said(errors.Unreachable("The answer broke off.")) == "The answer broke off."


def test_fields_are_called_as_on_the_page() -> None:
    wrong = [{"field": "items.0.budget_min", "message": "Too low."}, {"field": "", "message": "The file is empty."}]
    refusal = failed(errors.Invalid, errors=wrong)
    assert problems.sentences(refusal, {"budget_min": "Budget from"}) == ["Budget from: Too low.", "The file is empty."]
    assert problems.sentences(refusal)[0] == "Budget min: Too low."
    assert b'"field":"budget_min","called":"Budget min"' in bytes(refused(refusal).body)

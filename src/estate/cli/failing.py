"""How a command ends that cannot go on: a sentence, what to do about it, and an exit code that a script can read."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from estate.core.errors import EstateError as OurError

__all__ = ["HANDLED", "WRONG_SETTINGS", "exit_code", "explain", "telling"]

HANDLED = 1
"""It came to its end, and found problems that it told of."""
WRONG_USE, NOT_ALLOWED, NOT_FOUND, CONFLICT, LIMIT, FAILED = range(2, 8)
WRONG_SETTINGS = 78
"""EX_CONFIG of sysexits.h: starting again changes nothing."""

BY_STATUS = {
    401: NOT_ALLOWED,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    409: CONFLICT,
    410: NOT_FOUND,
    413: LIMIT,
    429: LIMIT,
}
SERVER_ERROR = 500
UNEXPECTED = "Report this with what the same command says under --debug."


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error of ours or of the client library; no answer at all is the network's."""
    status: int = getattr(error, "status", getattr(error.__cause__, "status", SERVER_ERROR))
    return BY_STATUS.get(status, WRONG_USE if status < SERVER_ERROR else FAILED)


def explain(error: Exception) -> None:
    """Say on standard error what is wrong, where, and what to do."""
    console = Console(stderr=True, highlight=False)
    problem = getattr(error, "problem", error)
    title = getattr(problem, "title", type(error).__name__)
    console.print(f"{title}: ", style="red", end="", markup=False)
    console.print(getattr(error, "message", str(error)), markup=False, soft_wrap=True)
    for wrong in getattr(error, "problems", getattr(error, "errors", ())):
        row = f"row {wrong.row}: " if wrong.row is not None else ""
        console.print(f"  {row}{wrong.field}: {wrong.message}", markup=False, soft_wrap=True)
    if request_id := getattr(error, "request_id", None):
        console.print(f"  request {request_id}", style="dim", markup=False)
    if hint := getattr(error, "hint", None):
        console.print(hint, markup=False, soft_wrap=True)


@contextmanager
def telling(*, debug: bool) -> Iterator[None]:
    """Let a command that asks the API end with a sentence, whatever happens; a traceback is shown on demand only."""
    from estate.sdk import EstateError

    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        explain(error)
        if not isinstance(error, EstateError | OurError):
            Console(stderr=True).print(UNEXPECTED)
        raise typer.Exit(exit_code(error)) from error

"""How a command finds the API, proves who calls, and shows what came back."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from estate.cli.attach import running
from estate.cli.failing import telling
from estate.core.errors import Invalid
from estate.core.settings import Settings, api_address, get_settings

if TYPE_CHECKING:
    from pydantic import BaseModel

    from estate.sdk import Estate

__all__ = ["AsJson", "Debug", "Limit", "Url", "calling", "hint", "show_json", "show_table"]

Url = Annotated[str | None, typer.Option("--url", help="Address of the API, instead of ESTATE_API_URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the API answered, as one JSON document.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many.")]


@contextmanager
def calling(url: str | None, *, debug: bool) -> "Iterator[Estate]":
    """Give a client of the API; what goes wrong inside ends the command with a sentence and an exit code."""
    # Imported here, as in every command: `--help` must not wait for what it does not need.
    from estate.sdk import Estate

    settings = get_settings()
    with telling(debug=debug):
        address, key = _whom(settings, url)
        try:
            estate = Estate(address, api_key=key, timeout_s=settings.api_timeout_s)
        except ValueError as error:
            raise Invalid(f"{error} See --url and ESTATE_API_URL.") from None
        with estate:
            yield estate


def _whom(settings: Settings, url: str | None) -> tuple[str, str | None]:
    """Return address and key: the first key of a platform is sent to that platform only."""
    own = settings.api_key.get_secret_value() if settings.api_key else None
    named = url or settings.api_url
    if named is not None:
        return named, own
    here = running(settings)
    first = here.get("ESTATE_BOOTSTRAP_API_KEY")
    if settings.bootstrap_api_key is not None:
        first = settings.bootstrap_api_key.get_secret_value()
    host = here.get("ESTATE_API_HOST", settings.api_host)
    return api_address(host, here.get("ESTATE_API_PORT", str(settings.api_port))), own or first


def show_json(answer: "BaseModel | Any") -> None:
    """Print an answer as one JSON document."""
    whole = answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer
    typer.echo(json.dumps(whole, ensure_ascii=False, indent=2))


def show_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table; what stands in a record is never read as markup."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text("–" if cell is None else str(cell)) for cell in row))
    Console().print(table)


def hint(text: str) -> None:
    """Say on standard error what one may do next."""
    Console(stderr=True, highlight=False).print(text, style="dim", markup=False, soft_wrap=True)

"""`estate api`: any call of the API, with address and key found as every command finds them."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from estate.cli.calling import Debug, Url, calling, show_json
from estate.core.errors import Invalid

__all__ = ["api"]


class Method(StrEnum):
    """The methods that the API knows."""

    GET = "GET"
    POST = "POST"
    DELETE = "DELETE"


def api(
    method: Annotated[Method, typer.Argument(help="GET, POST or DELETE.", case_sensitive=False)],
    path: Annotated[str, typer.Argument(help="Path with its query string, e.g. /market/query?limit=2.")],
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="Body as JSON; - reads it from standard input.")
    ] = None,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Make any call and print the JSON of its answer: estate api GET /market/heatmap."""
    with calling(url, debug=debug) as estate:
        try:
            answer = estate.request(method.value, path, body=_body(data))
        except ValueError as error:
            raise Invalid(str(error)) from None
        if isinstance(answer, str):
            typer.echo(answer, nl=False)
        else:
            show_json(answer)


def _body(data: str | None) -> Any:
    if data is None:
        return None
    try:
        return json.loads(sys.stdin.read() if data == "-" else data)
    except ValueError as error:
        raise Invalid(f"The body is no JSON: {error}.") from None

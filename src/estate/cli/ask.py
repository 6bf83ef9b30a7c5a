"""`estate gpt`: ask the assistant from the terminal."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from estate.cli.attach import attached

if TYPE_CHECKING:
    from estate.realestate_gpt import Reply

__all__ = ["gpt"]


def gpt(
    question: Annotated[str, typer.Argument(help="What the client said, or what you want to know.")],
    agent: Annotated[str, typer.Option(help="Id of the agent who asks.")],
    client: Annotated[str | None, typer.Option(help="Id of the client it is about.")] = None,
    unit: Annotated[str | None, typer.Option(help='Unit as "project_id:unit_id".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole reply as JSON.")] = False,
) -> None:
    """Ask Real Estate GPT; every sentence of its answer cites a record."""
    # Imported here, as in every command: `estate up` and `--help` must not wait for the numerical libraries.
    from estate.realestate_gpt import respond

    with attached():
        reply = respond(question, {"agent_id": agent, "client_id": client, "property_id": unit})
    if as_json:
        typer.echo(json.dumps(reply.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        _print(reply)


def _print(reply: "Reply") -> None:
    console = Console()
    console.print(Panel(reply.text, title="Real Estate GPT", subtitle=f"confidence {reply.confidence:.2f}"))
    table = Table("Claim", "Record", "Field")
    for reason in reply.reasoning:
        for i, cite in enumerate(reason.cites):
            table.add_row(reason.claim if i == 0 else "", f"{cite.layer} {cite.id}", cite.field)
    console.print(table)
    for used in reply.used_records:
        console.print(f"{used.layer}: {', '.join(used.ids)}")

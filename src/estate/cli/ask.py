"""`estate gpt`: ask the assistant from the terminal, and make one of its replies again."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from estate.cli.attach import attached
from estate.cli.calling import AsJson, Debug, Url, calling, show_json

if TYPE_CHECKING:
    from estate.sdk.models.gpt import Reply

__all__ = ["app"]

CHANGED = 1


class _Asking(TyperGroup):
    """Takes what is no command for a question."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Ask, unless the first word is a command or asks for help."""
        return super().parse_args(ctx, args if not args or args[0] in {*self.commands, "--help"} else ["ask", *args])


app = typer.Typer(
    cls=_Asking,
    no_args_is_help=True,
    help='Ask Real Estate GPT: estate gpt "QUESTION" --agent ID. Every sentence of its answer cites a record.',
)


@app.command("ask")
def ask(
    question: Annotated[str, typer.Argument(help="What the client said, or what you want to know.")],
    agent: Annotated[str, typer.Option(help="Id of the agent who asks.")],
    client: Annotated[str | None, typer.Option(help="Id of the client it is about.")] = None,
    unit: Annotated[str | None, typer.Option(help='Unit as "project_id:unit_id".')] = None,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Ask Real Estate GPT; every sentence of its answer cites a record."""
    with calling(url, debug=debug) as estate:
        reply = estate.gpt.respond(question, agent_id=agent, client_id=client, property=unit)
    if as_json:
        show_json(reply)
    else:
        _print(reply)


@app.command("replay")
def replay(response_id: Annotated[uuid.UUID, typer.Argument(help="Id of a reply.")]) -> None:
    """Make a reply again from the records kept with it. Exit code 1: the text or a record it cites is not the same."""
    # Imported here, as in every command: `estate up` and `--help` must not wait for the numerical libraries.
    from estate.core.db import unit_of_work
    from estate.core.security import Actor
    from estate.realestate_gpt.service import replay as made_again

    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        again = made_again(session, response_id)
    typer.echo(again.text)
    console = Console(stderr=True)
    if again.same:
        console.print("The same text, byte for byte.")
    else:
        console.print(f"The stored text differs; it was written by {again.composer_version}.")
    for changed in again.changed:
        what = ", ".join(changed.fields) if changed.fields else "gone"
        tampered = "" if changed.kept_whole else "; what was kept of it was altered"
        console.print(f"{changed.layer} {changed.id} has changed since: {what}{tampered}", markup=False)
    raise typer.Exit(0 if again.same and not again.changed else CHANGED)


def _print(reply: "Reply") -> None:
    console = Console()
    console.print(Panel(Text(reply.text), title="Real Estate GPT", subtitle=f"confidence {reply.confidence:.2f}"))
    console.print(f"Reply {reply.response_id}: `estate gpt replay` makes it again.", style="dim")
    table = Table("Claim", "Record", "Field")
    for reason in reply.reasoning:
        for i, cite in enumerate(reason.cites):
            table.add_row(reason.claim if i == 0 else "", f"{cite.layer} {cite.id}", cite.field)
    console.print(table)
    for used in reply.used_records:
        console.print(f"{used.layer}: {', '.join(used.ids)}")

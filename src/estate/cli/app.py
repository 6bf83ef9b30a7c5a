"""The command line: each command reads its arguments, makes one call and prints what came back."""

import sys

import typer
from pydantic import ValidationError
from rich.console import Console

from estate.cli import (
    api,
    ask,
    bench,
    bringing,
    clients,
    console,
    doctor,
    identity,
    imports,
    load,
    models,
    plot,
    ranking,
    records,
    rejected,
    run,
    sending,
)
from estate.cli.failing import WRONG_SETTINGS, exit_code, explain
from estate.core.errors import EstateError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Estate: sales intelligence for real-estate brokerages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("up")(run.up)
app.command("serve")(run.serve)
app.command("migrate")(run.migrate)
app.command("seed")(load.seed)
app.command("work")(run.work)
app.command("console")(console.console)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.command("api")(api.api)
app.command("heat")(records.heat)
app.command("today")(records.today)
clients.app.command("list")(records.list_clients)
clients.app.command("get")(records.get_client)
clients.app.command("why")(records.why)
imports.load_app.command("rows")(sending.rows)
for door in (bringing.file, bringing.take, bringing.undo):
    imports.app.command()(door)
app.add_typer(ask.app, name="gpt")
app.add_typer(clients.app, name="clients")
app.add_typer(imports.app, name="import")
app.add_typer(imports.load_app, name="load")
app.add_typer(plot.app, name="market")
app.add_typer(identity.keys, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(ranking.app, name="ranking")
app.add_typer(rejected.app, name="rejected")
app.add_typer(records.units, name="units")
app.add_typer(identity.users, name="users")


def main() -> None:
    """Run a command; an error that we know is one sentence, not a traceback."""
    try:
        app()
    except EstateError as error:
        explain(error)
        sys.exit(exit_code(error))
    except ValidationError as error:
        if error.title != "Settings":
            raise
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            name = "".join(f"ESTATE_{str(part).upper()}: " for part in problem["loc"])
            Console(stderr=True).print(f"{name}{problem['msg']}", markup=False)
        sys.exit(WRONG_SETTINGS)

"""`estate models`: the register of trained models."""

import datetime as dt
import uuid
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from estate.cli.attach import attached
from estate.core.db import unit_of_work
from estate.core.security import Actor

__all__ = ["app"]

app = typer.Typer(help="Trained models: what they learned from, how well they foretold, which one answers.")


@app.command("list")
def list_models() -> None:
    """Show the newest trainings of each kind."""
    from estate.intelligence.quality import trainings

    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        found = trainings(session)
    table = Table("", "kind", "id", "trained", "deals", "AUC", "log-loss", "base", "verdict", box=None)
    for one in found:
        numbers = (one.foretold.auc, one.foretold.log_loss, one.foretold.base_log_loss)
        said = [f"{number:.3f}" if number is not None else "-" for number in numbers]
        mark = "*" if one.active else ""
        table.add_row(
            mark, one.kind, str(one.model_id), f"{one.trained_at:%Y-%m-%d %H:%M}", f"{one.n:,}", *said, one.verdict
        )
    Console().print(table)


@app.command("train")
def train() -> None:
    """Train on what has closed, and promote what has earned it."""
    from estate.intelligence.training import train_all

    with attached(), unit_of_work(Actor.system()) as session:
        for one in train_all(session, dt.datetime.now(dt.UTC)):
            typer.echo(f"{one.kind}: {one.n:,} closed deals; {one.verdict}.")


@app.command("use")
def use(
    kind: Annotated[str, typer.Argument(help="qualification or closing")],
    model_id: Annotated[uuid.UUID, typer.Argument(help="A training of this kind, see `estate models list`.")],
) -> None:
    """Let an earlier training answer again."""
    from estate.intelligence.training import use as switch

    with attached(), unit_of_work(Actor.system()) as session:
        switch(session, kind, model_id)
    typer.echo(f"{kind} is answered by {model_id} from now on.")

"""`estate ranking`: the versions of the weights that rank records."""

import typer

from estate.cli.attach import attached
from estate.core.db import unit_of_work
from estate.core.security import Actor

__all__ = ["app"]

app = typer.Typer(help="The weights that rank records: what was learned, and the way back.")


@app.command("show")
def show() -> None:
    """Print the version in force as JSON."""
    from estate.realestate_gpt.service import ranking_policy

    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        typer.echo(ranking_policy(session).model_dump_json(indent=2))


@app.command("rollback")
def roll_back() -> None:
    """Leave the version in force and rank by the one before it."""
    from estate.realestate_gpt.service import ranking_policy, roll_back_ranking

    with attached(), unit_of_work(Actor.system()) as session:
        left = ranking_policy(session).version
        now = roll_back_ranking(session, left)
    typer.echo(f"Version {left} is left; version {now.version} ranks by the weights from before it.")

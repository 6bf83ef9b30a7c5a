"""`estate market plot`: pictures of heat and of forecasts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from estate.cli.attach import attached
from estate.core.db import unit_of_work
from estate.core.errors import NotFound, Unavailable
from estate.core.security import Actor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["app"]

app = typer.Typer(help="The market.", no_args_is_help=True)
plot_app = typer.Typer(help="Draw a picture; the name's ending (.svg, .png) says which kind.", no_args_is_help=True)
app.add_typer(plot_app, name="plot")

FORMATS = (".svg", ".png")
Out = Annotated[Path, typer.Option("--out", dir_okay=False, help="File to write: .svg or .png.")]


@plot_app.command("heat")
def heat(
    out: Out, limit: Annotated[int, typer.Option(min=1, max=100, help="How many areas, the hottest first.")] = 30
) -> None:
    """Draw areas by heat, with the change in a year and the months of supply."""
    _check(out)
    from estate.cli.figures import heat_figure
    from estate.market.service import heatmap

    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        areas = heatmap(session)
    if not areas:
        raise NotFound("There are no areas to draw yet.")
    _save(heat_figure(areas[:limit], len(areas)), out)


@plot_app.command("forecast")
def forecast(
    out: Out,
    area: Annotated[list[str] | None, typer.Option(help="Name of an area, may be repeated; default the first.")] = None,
    months: Annotated[int, typer.Option(min=1, max=24, help="How far ahead.")] = 12,
    limit: Annotated[int, typer.Option(min=1, max=24, help="How many areas when none is named.")] = 6,
) -> None:
    """Draw past prices and their forecast, with intervals of 80 and 95 %."""
    _check(out)
    from estate.cli.figures import forecast_figure
    from estate.market.service import all_areas, find_areas, monthly_history, predict

    with attached(), unit_of_work(Actor.system(), read_only=True) as session:
        areas = find_areas(session, area) if area else all_areas(session)[:limit]
        drawn = [(a, monthly_history(session, a.area_id), predict(session, a.area_id, months)) for a in areas]
    if not drawn:
        raise NotFound("No area has this name." if area else "There are no areas to draw yet.")
    _save(forecast_figure(drawn), out)


def _check(out: Path) -> None:
    if out.suffix.lower() not in FORMATS:
        raise typer.BadParameter(f"The file must end in {' or '.join(FORMATS)}.", param_hint="--out")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise Unavailable("Pictures need matplotlib: `make setup`, or pip install '.[plot]'.") from error


def _save(figure: "Figure", out: Path) -> None:
    figure.savefig(out, dpi=150, facecolor="white")
    typer.echo(f"wrote {out}")

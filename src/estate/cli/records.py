"""Commands that show records: `estate today`, `estate heat`, `estate clients list|get|why`, `estate units list`."""

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from estate.cli.calling import AsJson, Debug, Limit, Url, calling, hint, show_json, show_table
from estate.core.errors import Invalid

if TYPE_CHECKING:
    from estate.sdk import Estate
    from estate.sdk.models.client import Client, NextCall, Qualification

__all__ = ["get_client", "heat", "list_clients", "today", "units", "why"]

units = typer.Typer(help="Units for sale or sold.", no_args_is_help=True)
Search = Annotated[str | None, typer.Option(help="Words of the name or title.")]
ClientId = Annotated[uuid.UUID, typer.Argument(help="Id of a client.")]


def today(
    agent: Annotated[uuid.UUID | None, typer.Option(help="Id of the agent; default: the one whose key it is.")] = None,
    at: Annotated[str | None, typer.Option(help="Plan for this moment, e.g. 2026-12-01T10:00:00+04:00.")] = None,
    limit: Limit = 10,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """Show whom an agent calls now, and why; the law and the client's word say who is held back."""
    with calling(url, debug=debug) as estate:
        calls = estate.client.recommend(agent_id=agent or _own_agent(estate), limit=limit, at=at)
    if as_json:
        return show_json(calls)
    show_table(("Client", "Name", "Phone", "At stake", "Chance", "Why"), map(_call, calls))
    for held in calls.held:
        hint(f"{held.n} not now ({held.reason}): {held.why}")
    if calls:
        hint(f"Next: estate clients why {calls[0].client_id}")


def _own_agent(estate: "Estate") -> uuid.UUID:
    me = estate.auth.me()
    if me.agent_id is None:
        raise Invalid("This key is no agent's: name one with --agent; `estate api GET /agent/query` lists them.")
    return me.agent_id


def _call(one: "NextCall") -> tuple[object, ...]:
    chance = _range(one.score, one.lower, one.upper)
    reasons = " ".join(reason.text for reason in one.reasons)
    return one.client_id, one.name, one.phone, _money(one.at_stake, one.currency), chance, reasons


def heat(limit: Limit = 20, as_json: AsJson = False, url: Url = None, debug: Debug = False) -> None:
    """Show areas by heat, the hottest first."""
    with calling(url, debug=debug) as estate:
        areas = estate.market.heatmap()
    if as_json:
        return show_json(areas)
    rows = [(one.area_name, f"{one.heat_score:.0f}", one.heat_band, one.n, one.why) for one in areas[:limit]]
    show_table(("Area", "Heat", "Band", "Months", "Why"), rows)


def list_clients(
    search: Search = None,
    agent: Annotated[uuid.UUID | None, typer.Option(help="Clients of this agent only.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """List clients."""
    with calling(url, debug=debug) as estate:
        page = estate.client.query(search=search, owner_agent_id=agent, limit=limit).first()
    if as_json:
        return show_json(page)
    rows = [(one.client_id, one.name, _money(one.budget, one.currency), *_scored(one)) for one in page]
    show_table(("Client", "Name", "Budget", "Score", "n"), rows)
    _tell_of_more(page.next_cursor)


def get_client(client_id: ClientId, as_json: AsJson = False, url: Url = None, debug: Debug = False) -> None:
    """Show one client."""
    from estate.sdk.errors import ClientNotFound, ProblemDetails

    with calling(url, debug=debug) as estate:
        found = estate.client.query(client_id=client_id).first()
        if not found:
            raise ClientNotFound(ProblemDetails(title="Not found", status=404, detail="No client has this id."))
    if as_json:
        return show_json(found[0])
    show_table(("Field", "Value"), found[0].model_dump(mode="json").items())
    hint(f"Next: estate clients why {client_id}")


def why(client_id: ClientId, as_json: AsJson = False, url: Url = None, debug: Debug = False) -> None:
    """Show a client's score with its reasons, and what to find out next."""
    with calling(url, debug=debug) as estate:
        score = estate.client.qualification(client_id)
    if as_json:
        return show_json(score)
    _show_score(score)


def _show_score(score: "Qualification") -> None:
    shown = _range(score.score, score.lower, score.upper)
    Console().print(f"{score.band}: {shown}, n {score.n}. {score.why}", markup=False, highlight=False)
    show_table(("What", "Log-odds", "Why"), [(c.feature, f"{c.logit:+.2f}", c.why) for c in score.contributions])
    if score.missing:
        rows = [(one.feature, f"{one.lower:.2f} to {one.upper:.2f}", one.why) for one in score.missing]
        show_table(("Not known", "Score if it were", "Find out"), rows)


@units.command("list")
def list_units(
    search: Search = None,
    area: Annotated[uuid.UUID | None, typer.Option(help="Units of this area only.")] = None,
    status: Annotated[str | None, typer.Option(help="available, reserved, sold or withdrawn.")] = None,
    bedrooms: Annotated[int | None, typer.Option(help="Exactly so many; 0 is a studio.")] = None,
    price_max: Annotated[str | None, typer.Option(help="At most this price; needs --currency.")] = None,
    currency: Annotated[str | None, typer.Option(help="Units priced in this currency only.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
    debug: Debug = False,
) -> None:
    """List units."""
    with calling(url, debug=debug) as estate:
        page = estate.property.query(
            search=search,
            area_id=area,
            status=status,
            bedrooms=bedrooms,
            price_max=price_max,
            currency=currency,
            limit=limit,
        ).first()
    if as_json:
        return show_json(page)
    rows = [
        (one.property_id, one.title, _money(one.price, one.currency), one.bedrooms, one.area_sqm, one.status)
        for one in page
    ]
    show_table(("Unit", "Title", "Price", "Bedrooms", "m²", "Status"), rows)
    _tell_of_more(page.next_cursor)


def _tell_of_more(cursor: str | None) -> None:
    if cursor is not None:
        hint("There are more: raise --limit, or go through all with `estate api` and `cursor`.")


def _money(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else f"{amount:,} {currency}"


def _scored(one: "Client") -> tuple[str | float | None, int | None]:
    score, lower, upper = one.qualification_score, one.qualification_lower, one.qualification_upper
    if score is None or lower is None or upper is None:
        return score, one.qualification_n
    return _range(score, lower, upper), one.qualification_n


def _range(value: float, lower: float, upper: float) -> str:
    return f"{value:.2f} ({lower:.2f} to {upper:.2f})"

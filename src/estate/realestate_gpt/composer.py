"""Writes the reply: a topic picks sections, a section says sentences, a sentence is made of cited fields only."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from string import Formatter

from estate.realestate_gpt import figures
from estate.realestate_gpt.evidence import Evidence, days_old
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.verifier import Audience, Cite, Sentence

__all__ = ["VERSION", "compose", "render", "say"]

VERSION = "composer-2"

Said = Iterator[Sentence | None]
Section = Callable[[Evidence], Said]

MAX_SHOWN = 2  # Units and areas that are described; more are a list, not an answer.
MAX_CHOICES = 4
OLD_DAYS = 180  # By then a tenth of prices and budgets on a market that moves are no longer what they were.


def say(template: str, audience: Audience = "agent", /, **records: Record) -> Sentence | None:
    """Make a sentence of fields.

    Parameters
    ----------
    template : str
        Our own words, with ``{role.field}`` for each value.
    audience : {"client", "agent"}
        Who may read it.
    **records : Record
        The record of each role.

    Returns
    -------
    Sentence or None
        None when one of the values is missing.

    Examples
    --------
    >>> area = Record("market", "7", 1.0, {"area_name": "Qamar Quay", "price_avg": "900000", "currency": "AED"})
    >>> say("Prices in {area.area_name} average {area.price_avg}.", area=area).text
    'Prices in Qamar Quay average AED 900,000.'
    """
    text: list[str] = []
    cites: list[Cite] = []
    for literal, slot, _, _ in Formatter().parse(template):
        text.append(literal)
        if slot is None:
            continue
        role, _, field = slot.partition(".")
        record = records[role]
        value = figures.show(record.fields, field)
        if value is None:
            return None
        text.append(value)
        cites.append(Cite(record.layer, record.id, field))
    return Sentence("".join(text), tuple(cites), audience)


def first(*sentences: Sentence | None) -> Sentence | None:
    """Return the first sentence whose values are all known."""
    return next((sentence for sentence in sentences if sentence is not None), None)


def compose(intents: Sequence[Intent], evidence: Evidence, *, for_client: bool) -> list[Sentence]:
    """Write every sentence that the evidence has values for, in reading order, each once.

    Parameters
    ----------
    intents : sequence of Intent
        Topics of the question, the main one first.
    evidence : Evidence
        Records by role.
    for_client : bool
        Whether to write a message to the client as well; one who refuses contact gets none.
    """
    sections: list[Section] = []
    told = [CLIENT[intent] for intent in intents if intent in CLIENT]
    if for_client and told and evidence.client is not None and not evidence.client.fields.get("do_not_contact"):
        sections += [_greeting, *told, _closing_words]
    sections += [section for intent in intents for section in AGENT[intent]]
    if Intent.FACT not in intents:  # A plain question gets a plain answer.
        sections += BRIEF
    said = (sentence for section in sections for sentence in section(evidence))
    return list(dict.fromkeys(sentence for sentence in said if sentence is not None))


def render(sentences: Iterable[Sentence], lead: Sequence[str] = ()) -> str:
    """Lay the sentences out: what is missing, the message to the client, the brief for the agent."""
    kept = list(sentences)
    parts = [" ".join(lead)]
    parts += [_block("To the client:", " ".join(s.text for s in kept if s.audience == "client"))]
    parts += [_block("For you:", "\n".join(f"- {s.text}" for s in kept if s.audience == "agent"))]
    return "\n\n".join(part for part in parts if part)


def _block(heading: str, body: str) -> str:
    return f"{heading}\n{body}" if body else ""


# The message to the client


def _greeting(e: Evidence) -> Said:
    yield first(
        say("Dear {client.name}, thank you for your message.", "client", client=e.client) if e.client else None,
        say("Thank you for your message.", "client"),
    )


def _closing_words(e: Evidence) -> Said:
    yield first(
        say("Please tell me what matters most to you. {agent.name}", "client", agent=e.agent),
        say("Please tell me what matters most to you.", "client"),
    )


def _areas_to_client(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield say(
            "Homes in {area.area_name} cost {area.price_avg} on average, by our records up to {area.as_of}.",
            "client",
            area=area,
        )
        yield say("The market in {area.area_name} is {area.heat_band} at the moment.", "client", area=area)


def _units_to_client(e: Evidence) -> Said:
    offered = (e.unit,) if e.unit is not None else e.units[:MAX_SHOWN]
    for unit in offered:
        if unit.fields.get("status") != "available":
            yield say("{unit.title} is {unit.status}.", "client", unit=unit)
            continue
        yield first(
            say("{unit.title} has {unit.bedrooms} and costs {unit.price}.", "client", unit=unit)
            if unit.fields.get("bedrooms")
            else None,
            say("{unit.title} costs {unit.price}.", "client", unit=unit),
            say("There is a home for {unit.price}.", "client", unit=unit),
        )
        yield _handover(unit, e.today)


def _handover(unit: Record, today: dt.date) -> Sentence | None:
    """Announce a handover that lies ahead; one in the past is not a plan any more."""
    planned = unit.fields.get("delivery_date")
    if planned is None or str(planned) <= today.isoformat():
        return None
    return first(
        say("Handover of {unit.title} is planned for {unit.delivery_date}.", "client", unit=unit),
        say("Handover is planned for {unit.delivery_date}.", "client", unit=unit),
    )


def _prices_to_client(e: Evidence) -> Said:
    yield from _units_to_client(e)
    unit = _offer(e)
    if unit is not None and e.client is not None:
        yield _within_budget(unit, e.client)
        yield _plan(unit)
    if unit is None:
        yield from _areas_to_client(e)


def _within_budget(unit: Record, client: Record) -> Sentence | None:
    """Compare only what is in one currency."""
    price, budget = _amount(unit, "price"), _amount(client, "budget")
    if price is None or budget is None or unit.fields.get("currency") != client.fields.get("currency"):
        return None
    place = "within" if price <= budget else "above"
    return say(f"At {{unit.price}} it is {place} your budget of {{client.budget}}.", "client", unit=unit, client=client)


def _plan(unit: Record) -> Sentence | None:
    return first(
        say(
            "The payment plan is {unit.payment_plan}, with {unit.paid_before_handover_pct} paid before handover.",
            "client",
            unit=unit,
        ),
        say("The payment plan is {unit.payment_plan}.", "client", unit=unit),
        say("By the payment plan, {unit.paid_before_handover_pct} is paid before handover.", "client", unit=unit),
    )


def _doubts_to_client(e: Evidence) -> Said:
    yield Sentence("I understand that you want to be sure before you decide.", audience="client")
    yield from _prices_to_client(e)


CLIENT: dict[Intent, Section] = {
    Intent.MARKET: _areas_to_client,
    Intent.UNIT: _units_to_client,
    Intent.PRICE: _prices_to_client,
    Intent.OBJECTION: _doubts_to_client,
    Intent.GENERAL: _units_to_client,
}
"""What a client is told, by topic; whom to call and what to do next are questions of the agent."""


# The brief for the agent


def _main_area(e: Evidence) -> Said:
    yield next(_areas(e), None)


def _areas(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield first(
            say(
                "{area.area_name} is {area.heat_band} and {area.heat_direction}: heat {area.heat_score}, average price"
                " {area.price_avg} ({area.snapshot_count} up to {area.as_of}).",
                area=area,
            ),
            say(
                "{area.area_name} is {area.heat_band}: heat {area.heat_score}, average price {area.price_avg}"
                " ({area.snapshot_count} up to {area.as_of}).",
                area=area,
            ),
            say("{area.area_name} is {area.heat_band}: heat {area.heat_score}.", area=area),
            say("{area.area_name} is an area on record.", area=area),
        )


def _forecasts(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield say(
            "Forecast for {area.area_name} in {area.forecast_month}: {area.forecast_price}, most likely between"
            " {area.forecast_price_lower} and {area.forecast_price_upper}.",
            area=area,
        )


def _offers(e: Evidence) -> Said:
    """Say why each unit is offered; a unit without reasons is only described."""
    for unit in e.units[:MAX_SHOWN]:
        yield first(
            say("Offer {unit.title} at {unit.price}: {unit.reason_1} {unit.reason_2}", unit=unit),
            say("Offer {unit.title} at {unit.price}: {unit.reason_1}", unit=unit),
            say("{unit.title} is {unit.status} at {unit.price}.", unit=unit),
            say("A home on record is {unit.status} at {unit.price}.", unit=unit),
        )
        yield say("Be open about {unit.title}: {unit.trade_off}", unit=unit)


def _fair_value(e: Evidence) -> Said:
    unit = e.unit
    if unit is None:
        return
    yield say(
        "Like units support {unit.fair_value} for {unit.title}, between {unit.fair_value_lower} and"
        " {unit.fair_value_upper}, from {unit.comparables}; it is listed at {unit.price}.",
        unit=unit,
    )


def _about_unit(e: Evidence) -> Said:
    unit = e.unit
    if unit is None:
        return
    yield first(
        say(
            "The talk is about {unit.title}: {unit.bedrooms}, {unit.area_sqm}, {unit.price}, {unit.status}.", unit=unit
        ),
        say("The talk is about {unit.title}: {unit.price}, {unit.status}.", unit=unit),
        say("The talk is about {unit.title}.", unit=unit),
        say("The unit of this talk is {unit.status}.", unit=unit),
    )


def _calls(e: Evidence) -> Said:
    for client in e.calls:
        yield first(
            say("Call {client.name}: score {client.qualification_score}. {client.last_contact}", client=client),
            say("Call {client.name}: score {client.qualification_score}.", client=client),
        )


def _named(e: Evidence) -> Said:
    """Describe a record that was asked for by name and plays no other part."""
    others = [r for r in (e.agent, e.client, e.unit, *e.units, *e.areas, *e.calls) if r is not None]
    parts = {record.key for record in others}
    for record in [record for record in e.named if record.key not in parts][:MAX_SHOWN]:
        yield first(
            say("{it.title} is {it.status} at {it.price}.", it=record),
            say("{it.name} has closed {it.deals_closed}, at a closing rate of {it.closing_rate}.", it=record),
            say("{it.name} is on record with a budget of {it.budget}.", it=record),
            say("{it.name} is on record.", it=record),
        )


def _about_client(e: Evidence) -> Said:
    client = e.client
    if client is None:
        return
    if client.fields.get("do_not_contact"):
        yield say("The client does not want to be contacted; on record: {client.do_not_contact}.", client=client)
    score = (
        "a {client.qualification_band} lead: qualification score {client.qualification_score}, between"
        " {client.qualification_lower} and {client.qualification_upper}. {client.qualification_basis}"
    )
    yield first(
        say("{client.name}, with a budget of {client.budget}, is " + score, client=client),
        say("{client.name} is " + score, client=client),
        say("This is " + score, client=client),
    )
    yield say("What speaks for or against most: {client.qualification_why}", client=client)


def _chance(e: Evidence) -> Said:
    unit = _offer(e)
    if e.client is None:
        return
    if unit is not None:
        yield say(
            "Your chance to close with {unit.title}: {client.closing_probability}, between"
            " {client.closing_lower} and {client.closing_upper}.",
            unit=unit,
            client=e.client,
        )
    for deal in e.deals[:1]:
        yield say("Your open deal is at the stage {deal.stage}.", deal=deal)


def _about_agent(e: Evidence) -> Said:
    agent = e.agent
    yield first(
        say(
            "Your own record, {agent.name}: closing rate {agent.closing_rate} over {agent.deals_closed},"
            " place {agent.rank} on the leaderboard (between {agent.rank_lower} and {agent.rank_upper}).",
            agent=agent,
        ),
        say("Your own record, {agent.name}: closing rate {agent.closing_rate} over {agent.deals_closed}.", agent=agent),
        say("Your own record, {agent.name}: closing rate {agent.closing_rate}.", agent=agent),
        say("Your own record, {agent.name}: {agent.deals_closed} closed.", agent=agent),
        say("This brief is for {agent.name}.", agent=agent),
        say("Your place on the leaderboard is {agent.rank}.", agent=agent),
    )
    yield say("You usually answer a lead within {agent.avg_response_time}.", agent=agent)


def _triggers(e: Evidence) -> Said:
    for trigger in e.triggers:
        opening = "Bring up" if trigger.fields.get("evidence") == "proven" else "Perhaps bring up"
        yield say(
            opening + " “{trigger.term}”: deals in which it came up succeed {trigger.lift} as often (between"
            " {trigger.lift_lower} and {trigger.lift_upper}; {trigger.evidence}, {trigger.n_with}).",
            trigger=trigger,
        )


def _likely_step(e: Evidence) -> Said:
    if e.client is not None:
        yield say(
            "After “{client.last_step}”, the last step of this client, most often follows “{client.likely_step}”"
            " ({client.likely_step_share}).",
            client=e.client,
        )


def _to_ask(e: Evidence) -> Said:
    if e.client is not None:
        yield say("To sharpen the score: {client.ask}", client=e.client)


def _fact(e: Evidence) -> Said:
    """Answer what was asked of one record, say how far the name was off and how old the record is."""
    if e.fact is None or len(e.asked) != 1:
        return
    record, who = e.asked[0], (*e.named, e.asked[0])[0]
    answer = first(*(say(words, it=record, who=who) for words in e.fact.says))
    yield answer
    if answer is None:
        return
    if e.match.likeness < 1:
        closest = "No name on record is spelt as in the question; {it.%s} comes closest."
        yield first(
            *(say(closest.replace("%s", name), it=who) for name in ("name", "title", "area_name")),
            Sentence("No name on record is spelt as in the question; this record comes closest."),
        )
    if not e.fact.lasts and days_old(record, e.today) > OLD_DAYS:
        yield say("The record was last confirmed on {it.updated_at}, so please check before you rely on it.", it=record)


def _choices(e: Evidence) -> Said:
    """Tell records of one name apart."""
    if len(e.asked) < 2:
        return
    for record in e.asked[:MAX_CHOICES]:
        yield first(
            say("There is {it.name} with a budget of {it.budget}.", it=record),
            say("There is {it.title} at {it.price}, {it.status}.", it=record),
            say("There is {it.title}, {it.status}.", it=record),
            say("There is {it.name} with {it.deals_closed} closed.", it=record),
            say("There is {it.name}.", it=record),
        )


AGENT: dict[Intent, tuple[Section, ...]] = {
    Intent.MARKET: (_areas, _forecasts),
    Intent.UNIT: (_about_unit, _offers),
    Intent.PRICE: (_about_unit, _fair_value, _offers),
    Intent.OBJECTION: (_triggers, _fair_value),
    Intent.CALL: (_calls,),
    Intent.NEXT_STEP: (_triggers, _likely_step, _to_ask, _chance),
    Intent.GENERAL: (_named,),
    Intent.FACT: (_fact, _choices),
}
BRIEF: tuple[Section, ...] = (
    _named,
    _about_client,
    _about_unit,
    _chance,
    _offers,
    _main_area,
    _about_agent,
    _triggers,
    _to_ask,
)
"""What every brief holds after the answer to the question itself."""


def _offer(e: Evidence) -> Record | None:
    """Return the unit that prices and chances are about."""
    return e.unit if e.unit is not None else next(iter(e.units), None)


def _amount(record: Record, field: str) -> Decimal | None:
    value = record.fields.get(field)
    return None if value is None else Decimal(str(value))

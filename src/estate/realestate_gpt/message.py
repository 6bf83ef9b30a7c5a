"""The message to the client: what a client is told on each topic, never scores or tactics."""

import datetime as dt
from collections.abc import Iterator, Sequence

from estate.realestate_gpt.evidence import Evidence
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.saying import MAX_SHOWN, Said, Section, first, is_heat_sure, is_within_budget, say
from estate.realestate_gpt.verifier import Sentence

__all__ = ["message"]


def message(intents: Sequence[Intent]) -> Iterator[Section]:
    """Yield the sections of a message on some topics; none when no topic is for clients."""
    told = [CLIENT[intent] for intent in intents if intent in CLIENT]
    if told:
        yield from (_greeting, *told, _closing_words)


def _greeting(e: Evidence) -> Said:
    yield first(
        say("Dear {client.name}, thank you for your message.", "client", client=e.client) if e.client else None,
        say("Thank you for your message.", "client"),
    )


ENDINGS = {
    Intent.UNIT: "Would you like to see it?",
    Intent.PRICE: "I am happy to go through the figures with you.",
    Intent.OBJECTION: "Please tell me what would put your mind at ease.",
    Intent.MARKET: "I am happy to tell you more.",
}


def _closing_words(e: Evidence) -> Said:
    topic = next((intent for intent in e.intents if intent in ENDINGS), None)
    ending = ENDINGS[topic] if topic else "Please tell me what matters most to you."
    yield first(
        say(ending + " Kind regards, {agent.name}", "client", agent=e.agent), say(ending + " Kind regards", "client")
    )


def _areas_to_client(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield say(
            "Homes in {area.area_name} cost {area.price_avg} on average, by our records up to {area.as_of}.",
            "client",
            area=area,
        )
        if is_heat_sure(area):
            yield say(
                "The market in {area.area_name} is {area.heat_band}, by our records up to {area.as_of}.",
                "client",
                area=area,
            )


def _units_to_client(e: Evidence) -> Said:
    offered = (e.unit,) if e.unit is not None else e.units[:MAX_SHOWN]
    for unit in offered:
        if unit.fields.get("status") != "available":
            yield say("{unit.title} is {unit.status}.", "client", unit=unit)
            continue
        opening = "I can offer you {unit.title}, which" if e.unit is None else "{unit.title}"
        yield first(
            say(opening + " measures {unit.area_sqm} and costs {unit.price}.", "client", unit=unit),
            say(opening + " costs {unit.price}.", "client", unit=unit),
            say("There is a home for {unit.price}.", "client", unit=unit),
        )
        yield _handover(unit, e.today)


def _handover(unit: Record, today: dt.date) -> Sentence | None:
    """Announce a handover that lies ahead; one in the past is not a plan any more."""
    planned = unit.fields.get("delivery_date")
    if planned is None or str(planned) <= today.isoformat():
        return None
    return say("Handover is planned for {unit.delivery_date}.", "client", unit=unit)


def _prices_to_client(e: Evidence) -> Said:
    yield from _units_to_client(e)
    if e.unit is not None:
        if e.client is not None:
            yield _within_budget(e.unit, e.client)
        yield _plan(e.unit)
    elif not e.units:
        yield from _areas_to_client(e)


def _within_budget(unit: Record, client: Record) -> Sentence | None:
    within = is_within_budget(unit, client)
    if within is None:
        return None
    place = "within" if within else "above"
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

"""The brief for the agent: what each topic adds, and what every brief holds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from estate.realestate_gpt.evidence import Evidence, days_old
from estate.realestate_gpt.intent import Intent
from estate.realestate_gpt.records import Record
from estate.realestate_gpt.saying import MAX_SHOWN, Said, Section, first, is_heat_sure, is_within_budget, offer, say
from estate.realestate_gpt.verifier import Sentence

__all__ = ["brief"]

MAX_CHOICES = 4
SHOWS = 1.05
WIDE = 0.6  # An interval of probabilities that says next to nothing.
UNCOMPARED = (
    "The sum in the question was not compared with every price: its currency is open, or there is no rate for it."
)
UNLOOKED = "What the question says of handover, size, view or amenities was not compared with the homes offered."
PART = "The question says no more than a part of a name; "
OLD_DAYS = 180  # By then a tenth of prices and budgets on a market that moves are no longer what they were.


def brief(intents: Sequence[Intent]) -> Iterator[Section]:
    """Yield the sections of a brief on some topics; a plain question gets a plain answer."""
    yield from (section for intent in intents for section in AGENT[intent])
    if Intent.FACT not in intents:
        yield from BRIEF


def _main_area(e: Evidence) -> Said:
    for area in e.areas[:1]:
        yield from _area(area)


def _areas(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield from _area(area)


def _area(area: Record) -> Said:
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
        say(
            "Homes in {area.area_name} cost {area.price_avg} on average ({area.snapshot_count} up to {area.as_of}).",
            area=area,
        ),
        say("{area.area_name} is {area.heat_band}: heat {area.heat_score}.", area=area),
        say("{area.area_name} is an area on record.", area=area),
    )
    yield _doubt_of_heat(area)


def _doubt_of_heat(area: Record) -> Sentence | None:
    if is_heat_sure(area):
        return None
    return say(
        "The heat of {area.area_name} comes from {area.heat_n} among {area.heat_peers}, which says little.", area=area
    )


def _forecasts(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield say(
            "Forecast for {area.area_name} in {area.forecast_month}: {area.forecast_price}, most likely between"
            " {area.forecast_price_lower} and {area.forecast_price_upper}.",
            area=area,
        )


def _unforetold(e: Evidence) -> Said:
    for area in e.areas[:MAX_SHOWN]:
        yield say("There is no forecast for {area.area_name}: {area.forecast_why}", area=area)


def _offers(e: Evidence) -> Said:
    """Say why each unit is offered; a unit without reasons is only described."""
    if e.uncompared:
        yield Sentence(UNCOMPARED)
    if e.unlooked and e.units:
        yield Sentence(UNLOOKED)
    for unit in e.units[:MAX_SHOWN]:
        yield first(
            say("Offer {unit.title} at {unit.price}: {unit.reason_1} {unit.reason_2}", unit=unit),
            say("Offer {unit.title} at {unit.price}: {unit.reason_1}", unit=unit),
            say("{unit.title} is {unit.status} at {unit.price}.", unit=unit),
            say("A home on record is {unit.status} at {unit.price}.", unit=unit),
        )
        yield say("Be open about {unit.title}: {unit.trade_off}", unit=unit)
        if e.client is not None and is_within_budget(unit, e.client) is False:
            yield say("At {unit.price} it is above the budget of {client.budget}.", unit=unit, client=e.client)


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
    """Say whom to call; of the client of the talk, and where there is nobody, why not now."""
    if e.client is not None and e.client not in e.calls:
        yield _held("this client", e.client)
    if not e.calls:
        yield first(
            say("There is nobody to call now: {agent.calls_held}. Ask again from {agent.calls_from}.", agent=e.agent),
            say("There is nobody to call now: {agent.calls_held}.", agent=e.agent),
        )
    for opening, client in zip(("First to call", *["To call"] * len(e.later)), e.later, strict=False):
        yield say(opening + " then: {client.name}, score {client.qualification_score}.", client=client)
    for client in e.calls:
        if "may_call" in client.fields:
            yield _permission(client)
            continue
        yield first(
            say("Call {client.name}: score {client.qualification_score}. {client.last_contact}", client=client),
            say("Call {client.name}: score {client.qualification_score}.", client=client),
        )


def _permission(client: Record) -> Sentence | None:
    """Say whether a client may be called."""
    if not client.fields["may_call"]:
        return first(_held("{client.name}", client), _held("this client", client))
    return first(
        say("By our records, {client.name} may be called now.", client=client),
        say("Call allowed now, by our records: {client.may_call}.", client=client),
    )


def _held(who: str, client: Record) -> Sentence | None:
    """Say why a client may not be called."""
    return first(
        say(f"Do not call {who} now. {{client.call_held}} Ask again from {{client.call_from}}.", client=client),
        say(f"Do not call {who}. {{client.call_held}}", client=client),
    )


def _named(e: Evidence) -> Said:
    """Describe a record that was asked for by name and plays no other part."""
    others = [r for r in (e.agent, e.client, e.unit, *e.units, *e.areas, *e.calls, *e.later) if r is not None]
    parts = {record.key for record in others}
    for record in [record for record in e.named if record.key not in parts][:MAX_SHOWN]:
        yield first(
            say("{it.title} is {it.status} at {it.price}.", it=record),
            say(
                "{it.name} has brought {it.deals_closed} to a sale, at a closing rate of {it.closing_rate}, as"
                " reported.",
                it=record,
            ),
            say("{it.name} is on record with a budget of {it.budget}.", it=record),
            say("{it.name} is on record.", it=record),
        )


def _about_client(e: Evidence) -> Said:
    client = e.client
    if client is None:
        return
    if client.fields.get("do_not_contact"):
        yield say("The client does not want to be contacted; on record: {client.do_not_contact}.", client=client)
    score = "a {client.qualification_band} lead: qualification score {client.qualification_score}, " + _range(
        client, "qualification", "client"
    )
    score += ". {client.qualification_basis}"
    yield first(
        say("{client.name}, with a budget of {client.budget}, is " + score, client=client),
        say("{client.name} is " + score, client=client),
        say("This is " + score, client=client),
    )
    yield say("What counts most: {client.qualification_why}", client=client)


def _range(record: Record, score: str, role: str) -> str:
    """Write an interval, and say so where it leaves almost everything open."""
    lower, upper = (record.fields.get(f"{score}_{end}") for end in ("lower", "upper"))
    wide = lower is not None and upper is not None and float(upper) - float(lower) > WIDE
    words = "though with what is known anything from" if wide else "between"
    joint = "to" if wide else "and"
    return f"{words} {{{role}.{score}_lower}} {joint} {{{role}.{score}_upper}}" + (" is possible" if wide else "")


def _chance(e: Evidence) -> Said:
    unit = offer(e)
    if e.client is None:
        return
    if unit is not None:
        chance = "{client.closing_probability}, " + _range(e.client, "closing", "client") + "."
        yield first(
            say("Your chance to close with {unit.title}: " + chance, unit=unit, client=e.client),
            say("Your chance to close: " + chance, client=e.client),
        )
    for deal in e.deals[:1]:
        yield say("Your open deal is at the stage {deal.stage}.", deal=deal)


def _about_agent(e: Evidence) -> Said:
    """Say how the agent does; an agent whose name cannot be shown is addressed without it."""
    agent = e.agent
    yield first(
        *(
            say(opening + words, agent=agent)
            for words in (
                "you have brought {agent.deals_closed} to a sale, at a closing rate of {agent.closing_rate}, as"
                " reported; your place on the leaderboard is {agent.rank} (between {agent.rank_lower} and"
                " {agent.rank_upper}).",
                "you have brought {agent.deals_closed} to a sale, at a closing rate of {agent.closing_rate}, as"
                " reported.",
                "your closing rate is {agent.closing_rate}, as reported.",
                "you have brought {agent.deals_closed} to a sale, as reported.",
                "this brief is for you.",
                "your place on the leaderboard is {agent.rank}.",
            )
            for opening in ("{agent.name}, ", "By the records, ")
            if "{" in opening + words
        )
    )


def _reply_time(e: Evidence) -> Said:
    yield say("You usually answer a lead within {agent.avg_response_time}.", agent=e.agent)


def _triggers(e: Evidence) -> Said:
    for trigger in filter(_is_worth_saying, e.triggers):
        opening = "Bring up" if _is_sound(trigger) else "Not certain, but worth a try: bring up"
        yield say(
            opening + " “{trigger.term}”; deals in which it came up succeed {trigger.lift} as often (between"
            " {trigger.lift_lower} and {trigger.lift_upper}; {trigger.evidence}, {trigger.n_with}).",
            trigger=trigger,
        )


def _sound_triggers(e: Evidence) -> Said:
    """Mention what the evidence supports, unasked."""
    yield from (
        said for trigger in e.triggers if _is_sound(trigger) for said in _triggers(replace(e, triggers=(trigger,)))
    )


def _is_worth_saying(trigger: Record) -> bool:
    """Tell whether a word seems to make a difference that shows when it is rounded."""
    lift = trigger.fields.get("lift")
    return _is_sound(trigger) or (lift is not None and float(lift) >= SHOWS)


def _is_sound(trigger: Record) -> bool:
    lower, lift = (float(trigger.fields.get(name) or 0) for name in ("lift_lower", "lift"))
    return lower > 1 or (trigger.fields.get("evidence") == "proven" and lift > 1)


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
    """Answer what was asked, say how far the name was off and how old a record is."""
    if e.fact is None or len(e.asked) != 1:
        return
    who, told = (*e.named, e.asked[0])[0], {}
    for record, fact in e.wanted():
        answer = first(*(say(words, it=record, who=who) for words in fact.says))
        yield answer or say(
            "{who.name} is on record, but not what the question asks for.", who=record if record in e.beside else who
        )
        if answer is not None:
            told[record.key] = record
            yield _doubt_of_heat(record) if fact.field == "heat_score" else None
    if not told:
        return
    if e.match.likeness < 1 or e.match.coverage < 1:
        spelt = "No name on record is spelt as in the question; "
        closest = (spelt if e.match.likeness < 1 else PART) + "{it.%s} comes closest."
        yield first(
            *(say(closest.replace("%s", name), it=who) for name in ("name", "title", "area_name")),
            Sentence("No name on record is spelt as in the question; this record comes closest."),
        )
    for record in told.values():
        if not e.fact.lasts and days_old(record, e.today) > OLD_DAYS:
            of = (" of {it.area_name}", " of {it.name}", " of {it.title}") if e.beside else ("",)
            since = " was last confirmed on {it.updated_at}, so please check before you rely on it."
            yield first(*(say(f"The record{whose}{since}", it=record) for whose in of))


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
    Intent.NEXT_STEP: (_chance, _triggers, _likely_step, _to_ask, _reply_time),
    Intent.GENERAL: (_named, _reply_time),
    Intent.FACT: (_fact, _choices),
}
BRIEF: tuple[Section, ...] = (
    _unforetold,
    _named,
    _about_client,
    _about_unit,
    _chance,
    _offers,
    _main_area,
    _about_agent,
    _sound_triggers,
    _to_ask,
)
"""What every brief holds after the answer to the question itself."""

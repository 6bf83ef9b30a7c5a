"""Questions about the world, with the record and field that each needs. The product has never seen these sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.answers.checker import Limits
from benchmarks.answers.world import Facts, World
from estate.sample.names import FIRST_NAMES, LAST_NAMES

__all__ = ["Asked", "answerable", "doubtful", "in_context", "misspelt", "unanswerable"]

FACTS: dict[tuple[str, str], Sequence[str]] = {
    ("client", "budget"): (
        "What budget does {name} have?",
        "How much can {name} spend?",
        "Remind me of {name}'s budget, please.",
        "What is the most that {name} wants to pay?",
    ),
    ("client", "decision_speed"): (
        "How quickly does {name} decide?",
        "Is {name} a fast or a slow decider?",
        "What decision speed do we have for {name}?",
    ),
    ("client", "emotional_type"): (
        "What emotional type is {name}?",
        "Which personality type is noted for {name}?",
    ),
    ("agent", "deals_closed"): (
        "How many deals has {name} closed?",
        "What number of closed deals does {name} have?",
    ),
    ("agent", "closing_rate"): (
        "What is the closing rate of {name}?",
        "How good is {name}'s closing rate?",
    ),
    ("agent", "avg_response_time"): (
        "How fast does {name} answer leads?",
        "What is {name}'s average response time?",
    ),
    ("agent", "calls_per_day"): (
        "How many calls a day does {name} make?",
        "Number of daily calls of {name}?",
    ),
    ("property", "price"): (
        "What does the {name} cost?",
        "What is the asking price of the {name}?",
        "How much is the {name}?",
    ),
    ("property", "area_sqm"): (
        "How big is the {name}?",
        "How many square metres does the {name} have?",
        "What is the size of the {name}?",
    ),
    ("property", "bathrooms"): (
        "How many bathrooms does the {name} have?",
        "Number of baths in the {name}?",
    ),
    ("property", "delivery_date"): (
        "When will the {name} be handed over?",
        "What is the handover date of the {name}?",
    ),
    ("property", "status"): (
        "Is the {name} still available?",
        "Has the {name} been sold already?",
        "What is the status of the {name}?",
    ),
    ("property", "developer"): (
        "Who built the {name}?",
        "Which developer is behind the {name}?",
    ),
    ("market", "price_avg"): (
        "What do homes in {name} cost on average?",
        "Average price in {name}?",
        "How expensive is {name}?",
    ),
    ("market", "heat_score"): (
        "How hot is the market in {name}?",
        "Is {name} heating up or cooling down?",
        "How is the market doing in {name} at the moment?",
    ),
    ("market", "sales_volume"): (
        "How many sales were there in {name}?",
        "What is the sales volume of {name}?",
    ),
    ("market", "days_on_market"): (
        "How long does it take to sell a flat in {name}?",
        "How many days on the market do homes in {name} need?",
    ),
    ("agent", "expected_deals"): (
        "How many deals will {name} close next month?",
        "How many deals is {name} expected to win?",
    ),
    ("behavior", "lost_reason"): (
        "Why did we lose the deal with {name}?",
        "For what reason was the deal with {name} lost?",
    ),
    ("behavior", "stage"): (
        "At what stage is the deal with {name}?",
        "How far is our deal with {name}?",
        "Where do we stand with {name}'s deal?",
    ),
    ("behavior", "lift"): (
        "Does it help to say “{name}”?",
        "What effect does mentioning “{name}” have on deals?",
    ),
}
COMPUTED = frozenset({"heat_score", "days_on_market", "expected_deals"})
"""What no row of the layer holds."""
OF_DEALS = frozenset({"stage", "lost_reason"})
SHORTEST = 3
"""Letters of a name that a finger may slip on."""
SAME = {"heat_score": ("heat_score", "heat_band"), "price_avg": ("price_avg",)}

CLIENT_LAYERS = frozenset({"agent", "client", "market"})
TOPICS: Sequence[tuple[str, frozenset[str], bool, bool]] = (
    ("Which homes would you show this client?", CLIENT_LAYERS | {"property"}, True, False),
    ("I would like something with a sea view, what do you have for me?", CLIENT_LAYERS | {"property"}, True, False),
    ("We are after a {rooms}, {bound} {price}.", CLIENT_LAYERS | {"property"}, True, False),
    ("Is there a {rooms} for me, {bound} {price}?", CLIENT_LAYERS | {"property"}, True, False),
    ("Please show me every {rooms} that costs {bound} {price}.", CLIENT_LAYERS | {"property"}, True, False),
    ("Honestly, that is more than I wanted to pay, it feels too expensive.", CLIENT_LAYERS | {"property"}, True, True),
    ("I am afraid the handover will be late.", CLIENT_LAYERS | {"property"}, True, True),
    ("Is the price of this one fair?", CLIENT_LAYERS | {"property"}, True, True),
    ("How would I pay for it, what is the payment plan?", CLIENT_LAYERS | {"property"}, True, True),
    ("What are my chances of closing here?", CLIENT_LAYERS | {"property"}, True, True),
    ("How qualified is this lead?", CLIENT_LAYERS, True, False),
    ("What would be the best next step with this buyer?", CLIENT_LAYERS, True, False),
    ("Please brief me for the viewing.", CLIENT_LAYERS | {"property"}, True, True),
    ("Whom should I ring today?", frozenset({"agent", "client"}), False, False),
    ("How is demand in {area} and where is it going?", frozenset({"agent", "market"}), False, False),
    ("Should I invest in {area} now?", frozenset({"agent", "market"}), False, False),
    ("What will homes in {area} cost in a year?", CLIENT_LAYERS, True, False),
)

ROOMS = (("{n}-bedroom place", 0), ("place with {n} bedrooms", 0), ("home with {n} or {k} bedrooms", 1))
"""How bedrooms are asked for, and how many more than the least will do."""
BOUNDS = ("below", "under", "up to", "at most", "no more than", "not above")
PRICES = (
    ("AED {million:g} million", "AED"),
    ("AED {whole:,}", "AED"),
    ("{whole:,} AED", "AED"),
    ("{million:g}m AED", "AED"),
    ("{million:g}m", None),
)
"""How a price is written, and the currency that it says: without one it is in that of the client."""

NO_FIELD = {
    "client": (
        "What is {name}'s shoe size?",
        "Which school did {name} go to?",
        "How many children does {name} have?",
        "Does {name} prefer tea or coffee?",
        "What car does {name} drive?",
        "What is the credit score of {name}?",
        "Which bank does {name} use?",
        "When is {name}'s birthday?",
    ),
    "property": (
        "Are dogs allowed in the {name}?",
        "What is the service charge of the {name}?",
        "Which way does the {name} face?",
        "How loud is the street at the {name}?",
        "Who lives above the {name}?",
        "What brand is the kitchen of the {name}?",
        "When were the windows of the {name} last cleaned?",
    ),
    "market": (
        "How safe is {name} at night?",
        "How many schools are there in {name}?",
        "What is the population of {name}?",
        "Is the tap water in {name} good?",
        "Which bus lines go to {name}?",
    ),
    "agent": (
        "What is {name}'s salary?",
        "Is {name} married?",
        "What did {name} have for lunch?",
    ),
}
NOBODY = (
    "What budget does {stranger} have?",
    "How quickly does {stranger} decide?",
    "How many deals has {stranger} closed?",
    "At what stage is the deal with {stranger}?",
)
NOWHERE = (
    "How is the market in {nowhere}?",
    "What do homes in {nowhere} cost on average?",
    "Show me flats in {nowhere}.",
    "How hot is the market in {nowhere}?",
)
UNTOLD = {
    "client": (
        "On which telephone number do I reach {name}?",
        "How much did {name} pay in the end?",
        "What has {name} paid so far?",
        "Which home does {name} own already?",
        "Did {name} sign the contract?",
    ),
    "property": (
        "To whom does the {name} belong?",
        "Who is the owner of the {name}?",
        "What was paid for the {name}?",
        "Which agent sold the {name}?",
        "What rent does the {name} bring?",
    ),
    "market": (
        "Average price in {name} in {year}?",
        "What did homes in {name} cost in {year}?",
        "How hot was the market in {name} in {year}?",
        "How many sales were there in {name} last year?",
        "What is the rental yield in {name}?",
        "Who is the best agent for {name}?",
    ),
    "agent": (
        "How many deals has {name} lost?",
        "How many of the deals of {name} are still open?",
        "How many clients does {name} look after?",
        "How many deals did {name} close last month?",
        "How many deals will {name} close next year?",
        "What commission does {name} get?",
    ),
    "nobody": (
        "How many clients do I have?",
        "Which of my deals are still open?",
        "How many deals have I lost?",
        "Who is our richest client?",
        "How many homes did the agency sell in {year}?",
        "What payment plan does unit 4711 have?",
        "What does apartment no. 93 cost?",
    ),
}
"""What is asked as of a fact of a record, by its right name, and stands in no record."""
YEARS = (2019, 2022, 2024)
STRANGERS = ("Zebulon Quartermaine", "Ottoline Vask", "Grimwald Pfister", "Isolde Brackenridge", "Thaddeus Wolcott")
PLACES = ("Atlantis", "Gotham City", "Mordor", "Brobdingnag", "El Dorado", "Narnia", "Lilliput", "Xanadu")
ELSEWHERE = (
    "Who won the world cup in 2014?",
    "Write me a poem about autumn.",
    "What is the weather like tomorrow?",
    "How do I cook a risotto?",
    "What is the square root of 1764?",
    "Who is the president of Brazil?",
    "Tell me a joke.",
    "Which film should I watch tonight?",
    "What is the wifi password of the office?",
    "How tall is Mount Everest?",
    "What will the dollar be worth next spring?",
    "Can you book me a table for two?",
    "Translate this letter into French.",
    "What are the lottery numbers?",
    "Which laptop is good for gaming?",
    "Is there life on Mars?",
    "How do I fix a flat tyre?",
    "Why is the sky blue?",
)


WAYS = ("plain", "misspelt", "part", "missing", "talk", "no field", "untold")
SHARES = (0.50, 0.22, 0.05, 0.08, 0.05, 0.04, 0.06)
"""How questions come, and how often."""
AREA_FIELDS = ("area_name", "price_avg", "heat_score", "heat_band", "forecast_price")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what a right answer to it stands on.

    Parameters
    ----------
    text : str
        What is said.
    layer, record_id, fields : str, str, tuple of str
        The record that the answer needs, and its fields of which any will do; empty for a topic.
    layers : frozenset of str
        What the reply has to cite.
    client, unit : str or None
        Context.
    limits : Limits or None
        What units have to meet.
    still_so : bool
        Whether the record tells what is true; False where no record does.
    kind : str
        How the question was made.
    """

    text: str
    layer: str = ""
    record_id: str = ""
    fields: tuple[str, ...] = ()
    layers: frozenset[str] = frozenset()
    client: str | None = None
    unit: str | None = None
    limits: Limits | None = None
    still_so: bool = True
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Subjects:
    """Rows that can be asked about by name, and names that several bear."""

    rows: dict[tuple[str, str], list[Facts]]
    borne: Counter[tuple[str, str]]

    @classmethod
    def of(cls, world: World) -> "Subjects":
        """Collect the rows that hold each field."""
        rows = {
            (layer, field): [row for row in world.of(layer) if row["name"] and _holds(row, field)]
            for layer, field in FACTS
        }
        said = Counter(row["client_id"] for row in rows["behavior", "stage"])
        for field in OF_DEALS:  # With several deals: which?
            rows["behavior", field] = [row for row in rows["behavior", field] if said[row["client_id"]] == 1]
        borne = Counter((layer, row["name"]) for layer in world_layers(world) for row in world.of(layer))
        return cls({key: found for key, found in rows.items() if found}, borne)


def world_layers(world: World) -> list[str]:
    """Return the layers that have rows."""
    return sorted({layer for layer, _ in world.rows})


def _holds(row: Facts, field: str) -> bool:
    return field in COMPUTED or row.get(field) is not None


def _ask(world: World, layer: str, field: str, row: Facts, template: str, name: str, kind: str) -> Asked:
    return Asked(
        template.format(name=name),
        layer,
        row["id"],
        SAME.get(field, (field,)),
        frozenset({layer}),
        still_so=(layer, row["id"], field) not in world.changed,
        kind=kind,
    )


def _drawn(world: World, subjects: Subjects, rng: Random) -> tuple[str, str, Facts, str]:
    layer, field = rng.choice(sorted(subjects.rows))
    return layer, field, rng.choice(subjects.rows[layer, field]), rng.choice(FACTS[layer, field])


def answerable(world: World, rng: Random) -> Iterator[Asked]:
    """Yield questions whose answer is on record, by the one name that the record bears."""
    subjects = Subjects.of(world)
    while True:
        layer, field, row, template = _drawn(world, subjects, rng)
        if subjects.borne[layer, row["name"]] == 1:
            yield _ask(world, layer, field, row, template, row["name"], "plain")


def in_context(world: World, rng: Random) -> Iterator[Asked]:
    """Yield what is said in a talk with a client, about a unit or an area."""
    clients = [row for row in world.of("client") if row["budget"] and not row["do_not_contact"]]
    units = [row for row in world.of("property") if row["status"] == "available"]
    areas = world.of("market")
    while True:
        text, layers, with_client, with_unit = rng.choice(TOPICS)
        client, area = rng.choice(clients), rng.choice(areas)
        said, limits = _limits(client, rng)
        yield Asked(
            text.format(area=area["name"], **said),
            "market" if "{area}" in text else "",
            area["id"] if "{area}" in text else "",
            AREA_FIELDS if "{area}" in text else (),
            layers,
            client=client["id"] if with_client else None,
            unit=rng.choice(units)["id"] if with_unit else None,
            limits=limits if "{rooms}" in text else None,
            kind="talk",
        )


def _limits(client: Facts, rng: Random) -> tuple[dict[str, str], Limits]:
    """Draw limits, and the words that state them."""
    n, whole = rng.choice((1, 2, 3)), rng.choice((1_500_000, 2_000_000, 2_500_000, 3_000_000, 4_000_000))
    (rooms, more), (price, currency) = rng.choice(ROOMS), rng.choice(PRICES)
    said = {
        "rooms": rooms.format(n=n, k=n + 1),
        "bound": rng.choice(BOUNDS),
        "price": price.format(whole=whole, million=whole / 1_000_000),
    }
    return said, Limits(n, n + more, whole, currency or client["currency"])


def misspelt(name: str, rng: Random) -> str:
    """Return a name with one to three slips of the finger."""
    letters = list(name)
    for _ in range(rng.choices((1, 2, 3), (0.6, 0.3, 0.1))[0]):
        if len(letters) < SHORTEST:
            letters.append(rng.choice("abcdefghijklmnopqrstuvwxyz"))
            continue
        at = rng.randrange(1, len(letters) - 1)
        slip = rng.randrange(4)
        if slip == 0:
            letters[at], letters[at - 1] = letters[at - 1], letters[at]
        elif slip == 1:
            del letters[at]
        elif slip == 2:
            letters.insert(at, letters[at])
        elif letters[at].isdigit():
            letters[at] = rng.choice("0123456789")
        elif letters[at].isascii():
            letters[at] = rng.choice("abcdefghijklmnopqrstuvwxyz")
    return "".join(letters)


def doubtful(world: World, rng: Random) -> Iterator[Asked]:
    """Yield questions as they come: most by the right name, others misspelt, in part, of nobody on record.

    What is said in a talk comes among them, and what no record tells.
    """
    subjects = Subjects.of(world)
    talk = in_context(world, rng)
    while True:
        way = rng.choices(WAYS, SHARES)[0]
        layer, field, row, template = _drawn(world, subjects, rng)
        if way == "talk":
            yield next(talk)
        elif way == "no field":
            yield _no_field(world, rng)
        elif way == "untold":
            yield _of_untold(world, rng)
        elif way == "missing":
            yield _missing(world, layer, field, row, template, rng)
        elif way == "misspelt":
            yield _ask(world, layer, field, row, template, misspelt(row["name"], rng), way)
        elif way == "part" and (layer in ("client", "agent") or field in OF_DEALS):
            yield _ask(world, layer, field, row, template, row["name"].split()[0], way)
        else:
            yield _ask(world, layer, field, row, template, row["name"], "plain")


def _no_field(world: World, rng: Random) -> Asked:
    layer = rng.choice(sorted(NO_FIELD))
    row = rng.choice([row for row in world.of(layer) if row["name"]])
    return Asked(rng.choice(NO_FIELD[layer]).format(name=row["name"]), still_so=False, kind="no field")


def _of_untold(world: World, rng: Random) -> Asked:
    layer = rng.choice(sorted(UNTOLD))
    names = [row["name"] for row in world.of(layer) if row["name"]] or [""]
    text = rng.choice(UNTOLD[layer]).format(name=rng.choice(names), year=rng.choice(YEARS))
    return Asked(text, still_so=False, kind="untold")


def _missing(world: World, layer: str, field: str, row: Facts, template: str, rng: Random) -> Asked:
    """Ask of somebody or something that nobody entered; whatever is answered is wrong."""
    borne = {other["name"] for other in world.of(layer)}
    name = row["name"]
    while name in borne:
        name = misspelt(row["name"], rng)
        if layer == "client" or field in OF_DEALS:
            name = f"{rng.choice(FIRST_NAMES)[0]} {rng.choice(LAST_NAMES)[0]}"
    return replace(_ask(world, layer, field, row, template, name, "missing"), still_so=False)


def unanswerable(world: World, rng: Random) -> Iterator[Asked]:
    """Yield questions that nothing on record answers."""
    empty = _empty(world)
    while True:
        kind = rng.randrange(6)
        if kind == 0:
            yield _no_field(world, rng)
        elif kind == 5:
            yield _of_untold(world, rng)
        elif kind == 1:
            yield Asked(rng.choice(NOBODY).format(stranger=rng.choice(STRANGERS)), kind="nobody")
        elif kind == 2:
            yield Asked(rng.choice(NOWHERE).format(nowhere=rng.choice(PLACES)), kind="nowhere")
        elif kind == 3 and empty:
            layer, field = rng.choice(sorted(empty))
            row = rng.choice(empty[layer, field])
            yield Asked(rng.choice(FACTS[layer, field]).format(name=row["name"]), kind="empty")
        else:
            yield Asked(rng.choice(ELSEWHERE), kind="elsewhere")


def _empty(world: World) -> dict[tuple[str, str], list[Facts]]:
    """Collect the rows that hold a field but no value; of deals, those of clients who have no other."""
    borne = Subjects.of(world).borne
    found: dict[tuple[str, str], list[Facts]] = {}
    for layer, field in FACTS:
        for row in world.of(layer):
            is_empty = row["name"] and row.get(field, "") is None
            if is_empty and (field not in OF_DEALS or borne[layer, row["name"]] == 1):
                found.setdefault((layer, field), []).append(row)
    return found

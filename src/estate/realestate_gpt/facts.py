"""What can be asked of one record: each fact with the words that ask for it and the sentence that answers."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from estate.realestate_gpt.retrieval.lexical import STOP_WORDS, words

__all__ = ["FACTS", "FACT_WORDS", "UNTOLD", "Fact", "asked_for", "asked_with"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A field that a question may ask for.

    Parameters
    ----------
    key : str
        Its name among the facts.
    subject : str
        The layer of the record that the question names.
    layer, field : str
        Where the answer stands.
    asks : str
        Words and phrases that ask for it, separated by semicolons.
    says : tuple of str
        Sentences that answer, fullest first; ``it`` is the record, ``who`` the one that was named.
    lasts : bool
        Whether the value stays true however old the record is.
    """

    key: str
    subject: str
    layer: str
    field: str
    asks: str
    says: tuple[str, ...]
    lasts: bool = False


def _fact(subject: str, field: str, asks: str, *says: str, layer: str | None = None, lasts: bool = False) -> Fact:
    return Fact(f"{subject}.{field}", subject, layer or subject, field, asks, says, lasts)


_ALL = (
    _fact(
        "client",
        "budget",
        "budget; spend; spending; afford; pay; price range; how much money; price limit; ceiling; ميزانية",
        "{it.name} has a budget of {it.budget}.",
        "The budget of this client is {it.budget}.",
    ),
    _fact(
        "client",
        "decision_speed",
        "decide; decides; decided; decider; deciding; decision; decision speed; make up mind; hurry; hesitate;"
        " how fast|quickly|quick|slow decide",
        "{it.name} is a {it.decision_speed} decider, by our records.",
        "This client is a {it.decision_speed} decider, by our records.",
    ),
    _fact(
        "client",
        "emotional_type",
        "emotional type; emotional; personality; personality type; temperament; character; kind of person;"
        " sort of person; type of person",
        "{it.name} is noted as {it.emotional_type}.",
        "This client is noted as {it.emotional_type}.",
    ),
    _fact(
        "client",
        "objections",
        "objection; objections; worries; worried about; concern; concerns; against; holding back",
        "What {it.name} has objected to: {it.objections}.",
        "What this client has objected to: {it.objections}.",
    ),
    _fact(
        "client",
        "stage",
        "stage; deal; deals; how far; pipeline; negotiation; negotiations; stand; progress",
        "A deal with {who.name} is at the stage {it.stage}, opened on {it.opened_at}.",
        "A deal is at the stage {it.stage}, opened on {it.opened_at}.",
        layer="behavior",
    ),
    _fact(
        "client",
        "lost_reason",
        "why|how |did |i|we|you|they lose|lost; why |was|is |the|our|my|this deal|sale |with |been lost;"
        " why |did |the|our|my|this deal|sale |with fail|fall; reason |for|of |the|our losing|lost|loss;"
        " lost|loss reason; لماذا خسرنا|خسرت",
        "The deal with {who.name} was {it.outcome} on {it.closed_at}; the reason on record: {it.lost_reason}.",
        "The deal was {it.outcome} on {it.closed_at}; the reason on record: {it.lost_reason}.",
        layer="behavior",
        lasts=True,
    ),
    _fact(
        "agent",
        "deals_closed",
        "deals closed; closed deals; deals; how many deals; sales made; sold; sales; won; wins",
        "{it.name} has brought {it.deals_closed} to a sale, as reported.",
        "You have brought {it.deals_closed} to a sale, as reported.",
    ),
    _fact(
        "agent",
        "expected_deals",
        "forecast|expected|predicted deals|sales|closings",
        "Deals that {it.name} is expected to win in the next {it.horizon_days}: {it.expected_deals}, most likely"
        " between {it.expected_deals_lower} and {it.expected_deals_upper}.",
        "Deals to be expected in the next {it.horizon_days}: {it.expected_deals}, most likely between"
        " {it.expected_deals_lower} and {it.expected_deals_upper}.",
    ),
    _fact(
        "agent",
        "closing_rate",
        "closing rate; close rate; success rate; conversion; conversion rate; win rate; share of deals; how good;"
        " how am i doing; how is doing; perform; performing; performance",
        "{it.name} closes {it.closing_rate} of the deals.",
        "The closing rate is {it.closing_rate}.",
    ),
    _fact(
        "agent",
        "avg_response_time",
        "response time; respond; responds; reply; replies; reply time; answer; answers; answer leads; react; reaction",
        "{it.name} usually answers a lead within {it.avg_response_time}.",
        "A lead is usually answered within {it.avg_response_time}.",
    ),
    _fact(
        "agent",
        "calls_per_day",
        "calls a day; calls per day; daily calls; many calls; many phone calls; call volume",
        "Calls of {it.name} a day: {it.calls_per_day}.",
        "Calls a day: {it.calls_per_day}.",
    ),
    _fact(
        "agent",
        "avg_closing_price",
        "average closing price; average deal; deal size; usual price; average price; closing price",
        "Deals of {it.name} close at {it.avg_closing_price} on average.",
        "Deals close at {it.avg_closing_price} on average.",
    ),
    _fact(
        "agent",
        "rank",
        "best agent; top agent; leading agent; best closer; leaderboard; rank; ranked",
        "{it.name} is in place {it.rank} on the leaderboard (between {it.rank_lower} and {it.rank_upper}).",
        "The place on the leaderboard is {it.rank}.",
    ),
    _fact(
        "property",
        "price",
        "price; cost; costs; asking price; list price; listed at; how much; expensive; go for; asked for; ask;"
        " prise; pirce; سعر; ثمن; بكم",
        "{it.title} is listed at {it.price}.",
        "The listed price is {it.price}.",
    ),
    _fact(
        "property",
        "fair_value",
        "fair value; fair price; market value; valuation; worth; overpriced; underpriced",
        "Like units support {it.fair_value} for {it.title}, between {it.fair_value_lower} and {it.fair_value_upper},"
        " from {it.comparables}; it is listed at {it.price}.",
        "Like units support {it.fair_value} for {it.title}, between {it.fair_value_lower} and {it.fair_value_upper},"
        " from {it.comparables}.",
        "Like units support {it.fair_value}, between {it.fair_value_lower} and {it.fair_value_upper}, from"
        " {it.comparables}.",
    ),
    _fact(
        "property",
        "area_sqm",
        "size; sizes; big; large; spacious; square metre; square meter; sqm; m2; area; floor space; living space",
        "{it.title} measures {it.area_sqm}.",
        "It measures {it.area_sqm}.",
        lasts=True,
    ),
    _fact(
        "property",
        "bedrooms",
        "bedroom; bedrooms; rooms; beds",
        "{it.title} has {it.bedrooms}.",
        "It has {it.bedrooms}.",
        lasts=True,
    ),
    _fact(
        "property",
        "bathrooms",
        "bathroom; bathrooms; bath; baths; shower; showers",
        "Bathrooms of {it.title}: {it.bathrooms}.",
        "Bathrooms: {it.bathrooms}.",
        lasts=True,
    ),
    _fact(
        "property",
        "delivery_date",
        "handover; handed over; hand over; delivery; delivered; deliver; completion; completed; complete; ready;"
        " finished; move in; keys",
        "The handover of {it.title} is dated {it.delivery_date}.",
        "The handover is dated {it.delivery_date}.",
    ),
    _fact(
        "property",
        "status",
        "status; available; availability; sold; reserved; taken; free; for sale; on the market; still there; gone",
        "{it.title} is {it.status}.",
        "It is {it.status}.",
    ),
    _fact(
        "property",
        "developer",
        "developer; built; builder; build; builds; built by; constructed; behind",
        "{it.title} is built by {it.developer}.",
        "The developer is {it.developer}.",
        lasts=True,
    ),
    _fact(
        "property",
        "payment_plan",
        "payment plan; payment; instalment; instalments; installments; plan; pay; terms",
        "The payment plan of {it.title} is {it.payment_plan}, with {it.paid_before_handover_pct} before handover.",
        "The payment plan of {it.title} is {it.payment_plan}.",
        "The payment plan is {it.payment_plan}.",
    ),
    _fact(
        "property",
        "amenities",
        "amenity; amenities; facility; facilities; feature; features; offers; equipped; pool; gym; parking; playground;"
        " balcony",
        "{it.title} offers: {it.amenities}.",
        "Amenities: {it.amenities}.",
    ),
    _fact(
        "market",
        "price_avg",
        "average price; average cost; price; prices; cost; costs; expensive; cheap; cheaper; dearer; price level;"
        " average; pay; prise; pirce; سعر; أسعار; متوسط; متوسط سعر; متوسط أسعار; تكلفة; بكم",
        "Homes in {it.area_name} cost {it.price_avg} on average, by {it.snapshot_count} up to {it.as_of}.",
        "Homes in {it.area_name} cost {it.price_avg} on average.",
        "Homes in this area cost {it.price_avg} on average.",
    ),
    _fact(
        "market",
        "heat_score",
        "how hot; heating up; cooling down; heat score; heat band",
        "{it.area_name} is {it.heat_band} and {it.heat_direction}: heat {it.heat_score}.",
        "{it.area_name} is {it.heat_band}: heat {it.heat_score}.",
        "This area is {it.heat_band}: heat {it.heat_score}.",
    ),
    _fact(
        "market",
        "sales_volume",
        "sales; sales volume; sold; transactions; how many sales; deals; homes sold; turnover;"
        " how many homes|units|flats|apartments|villas |have |were |been sold",
        "Sales in {it.area_name} at the newest observation, {it.as_of}: {it.sales_volume}.",
        "Sales in {it.area_name} at the newest observation: {it.sales_volume}.",
        "Sales in this area at the newest observation: {it.sales_volume}.",
    ),
    _fact(
        "market",
        "days_on_market",
        "days|time on |the market; take to sell; long to sell; long until|till|before |it |is sold;"
        " how fast|quick|quickly |do|does homes|units|flats|apartments|villas sell",
        "Homes in {it.area_name} take {it.days_on_market} from listing to sale, by the newest figures.",
        "Homes in this area take {it.days_on_market} from listing to sale, by the newest figures.",
    ),
    _fact(
        "market",
        "demand_score",
        "demand score; how much demand; how popular; sought after",
        "The demand score of {it.area_name} is {it.demand_score}.",
        "The demand score of this area is {it.demand_score}.",
    ),
    _fact(
        "market",
        "supply_score",
        "supply score; how much supply",
        "The supply score of {it.area_name} is {it.supply_score}.",
        "The supply score of this area is {it.supply_score}.",
    ),
    _fact(
        "behavior",
        "lift",
        "help; helps; effect; say; saying; said; mention; mentioning; mentioned; bring up; word; works; work; lift;"
        " deals; difference; use; using",
        "Deals in which “{it.term}” came up succeed {it.lift} as often (between {it.lower} and {it.upper};"
        " {it.evidence}, {it.n_with}).",
        lasts=True,
    ),
)
FACTS: Mapping[str, Fact] = {fact.key: fact for fact in _ALL}
"""Facts by their keys."""


def _untold(subject: str, name: str, asks: str) -> Fact:
    return _fact(subject, "untold", asks, f"{{who.{name}}} is on record.")


_UNTOLD = (
    _untold(
        "client",
        "name",
        "phone|telephone|mobile number; what|which phone|telephone|mobile; phone|mobile|email of; email address;"
        " what|which email; does|did own; has|have |she|he|they paid; did |she|he|they pay|spend; how much paid;"
        " how many deals; last contact|call|conversation|meeting; when did |i|we last speak|talk|call|meet|contact|see;"
        " last spoke|talked|met|called|contacted; which|what agent; the agent; agent of; looks after;"
        " who handles|manages; هاتف; كم دفع|دفعت",
    ),
    _untold(
        "agent",
        "name",
        "phone|telephone|mobile number; what|which phone|telephone|mobile; phone|mobile|email of; email address;"
        " what|which email; how many deals|sales|clients |has|have|did |i|we|he|she|they lost|lose;"
        " deals|sales lost; does|did lose deals|sales|clients; |how |many lost deals|sales|clients; open deals;"
        " deals |of are|have |still open; how many clients|leads|buyers do|does|did|has|have; هاتف",
    ),
    _untold(
        "property",
        "title",
        "who own|owns; |who is|s the owner|landlord|seller|buyer; the owner|landlord|seller of; was paid;"
        " did |she|he|they pay; who sold|sells|bought; which agent; what|which|average|monthly|annual|the rent;"
        " how |much rent; how |high|much is the rent; rental yield|income; is for rent; rent cost; cost to|of rent;"
        " price|cost|value per|a|each sqm|sqft|m2|square|metre|meter|foot;"
        " how many people|clients|buyers|leads|enquiries|viewings|units|flats|apartments|villas|townhouses|studios;"
        " who would|will|might|could |want |to buy; buyers for; who |is|are interested; يملك; مالك; كم|ما |هو ايجار",
    ),
    _untold(
        "market",
        "area_name",
        "best|top|leading agent|broker|seller; who is|are best; which|what agent; who sold|sells;"
        " who built|developed; rental yield; what|which yield; |what|how |high|good is the yield;"
        " what|which|average|monthly|annual|the rent; how |high|much rent; how |high|much is|are |the rent; rent cost;"
        " cost to|of rent; price|cost|value per|a|each sqm|sqft|m2|square|metre|meter|foot; who |is|are interested;"
        " how many units|flats|apartments|villas|townhouses|studios|homes|houses|properties|listings|projects;"
        " كم|ما|متوسط |هو ايجار",
    ),
)
UNTOLD: Mapping[str, Fact] = {fact.key: fact for fact in _UNTOLD}
"""By key, of each layer what is asked and told by no sentence: it is declined, not answered with the nearest thing."""

AND = frozenset({"and", "و"})
Phrase = tuple[str, ...]


def _phrases(asks: str) -> Iterator[Phrase]:
    """Yield the phrases of a list: of words with bars between them any will do, and none where a bar comes first."""
    for phrase in asks.split(";"):
        for said in product(*(word.split("|") for word in phrase.split())):
            yield tuple(words(" ".join(said)))


def _index(facts: Iterable[Fact]) -> Mapping[Phrase, Sequence[Fact]]:
    found: dict[Phrase, list[Fact]] = {}
    for fact in facts:
        for phrase in dict.fromkeys(_phrases(fact.asks)):
            found.setdefault(phrase, []).append(fact)
    return found


PHRASES = _index((*_ALL, *_UNTOLD))
LONGEST = max(map(len, PHRASES))
FACT_WORDS = frozenset(word for phrase in _index(_ALL) for word in phrase) - STOP_WORDS
"""Words that ask for a fact."""


def asked_for(spoken: Sequence[str], subjects: Collection[str], *, least: int = 1) -> Fact | None:
    """Return the fact about a record of some layers that words ask for, by the longest phrase, then the most words.

    It may be one that no sentence tells. A phrase of fewer than `least` words does not ask.

    Examples
    --------
    >>> asked_for(["what", "budget", "does", "have"], {"client"}).field
    'budget'
    >>> asked_for(["how", "much", "did", "pay"], {"client"}).field
    'untold'
    """
    votes: dict[Fact, tuple[int, int]] = {}
    for start in range(len(spoken)):
        for length in range(least, min(LONGEST, len(spoken) - start) + 1):
            for fact in PHRASES.get(tuple(spoken[start : start + length]), ()):
                if fact.subject in subjects:
                    longest, n = votes.get(fact, (0, 0))
                    votes[fact] = (max(longest, length), n + 1)
    order = (*_ALL, *_UNTOLD)
    return max(votes, key=lambda fact: (votes[fact], -order.index(fact)), default=None)


def asked_with(spoken: Sequence[str], fact: Fact) -> Fact | None:
    """Return what words ask of the same record in one breath with a fact: what stands across an "and".

    Examples
    --------
    >>> asked_with(["fair", "value", "and", "instal"], FACTS["property.fair_value"]).field
    'payment_plan'
    """
    for place in (place for place, word in enumerate(spoken) if word in AND):
        for part in (spoken[place + 1 :], spoken[:place]):
            other = asked_for(part, {fact.subject})
            if other is not None and other.field != fact.field and other.layer == fact.layer:
                return other
    return None

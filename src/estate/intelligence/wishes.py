"""Reads what a client wishes from the free JSON of the profile; what it cannot read it leaves out.

Shapes that are understood, alone or inside a list:

* text: ``"villa"``, ``"2-3 bedroom apartment"``, ``"at least 2 bedrooms"``, ``"studio in Zafran Heights"`` (areas only
  in location targets)
* ``interest`` object: ``bedrooms`` (2, [2, 3] or {"min": 2, "max": 3}), ``bedrooms_min``, ``bedrooms_max``,
  ``unit_type``/``unit_types``/``type``, ``amenities`` (texts, {"code", "label"} or {"pool": true}), ``segment``
  ("ready"/"off_plan"), ``delivery_by``/``handover_by``/``move_in_by`` (ISO date), and the location keys below
* ``interest.must``: an object with the same keys: not a wish but a limit that every unit shown keeps
* ``location_targets`` text (name or id), or object: ``area_id``/``area_ids``, ``area``/``areas``/``area_name``/
  ``name``/``location``/``locations`` (a text, an object or a list of them)
"""

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from estate.core.types import NAME_MAX_CHARACTERS
from estate.property.analytics.amenities import normalise

__all__ = ["Wishes", "amenity_keys", "parse_must", "parse_wishes", "type_pattern", "unit_type_key"]

UNIT_TYPES = {
    "studio": "studio|استوديو",
    "apartment": "apartments?|flats?|condos?|شقق|شقة",
    "townhouse": "town ?houses?|تاون ?هاوس",
    "villa": "villas?|فلل|فيلا",
    "penthouse": "pent ?houses?|بنتهاوس",
    "duplex": "duplex(?:es)?|دوبلكس",
    "office": "offices?|مكتب",
    "shop": "shops?|retail|محل",
    "land": "land|plots?|ارض|أرض",
}
TYPE_PATTERNS = {kind: re.compile(rf"(?<!\w)(?:{words})(?!\w)") for kind, words in UNIT_TYPES.items()}
COUNTS = r"(?:(?:\d{1,2}, ){0,9}\d{1,2} ?(?:-|–|/|to|or|او|أو|الى|إلى) ?)?\d{1,2}"
BEDROOMS = re.compile(
    rf"(?P<end>at least |up to )?(?<![\d.])(?P<counts>{COUNTS})(?P<more>\+| or more)?"
    r" ?-? ?(?:bed(?:room)?s?|br|bhk|غرف|غرفة)(?!\w)"
)
MOST_BEDROOMS = 20
NAMED = {"code", "label", "name"}
PLACE_KEYS = ("area_id", "area_ids", "area", "areas", "area_name", "name", "location", "locations")
TYPE_KEYS = ("unit_type", "unit_types", "type")
DATE_KEYS = ("delivery_by", "handover_by", "move_in_by")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client wishes, as far as the profile says it; an empty or None field is no wish.

    Parameters
    ----------
    area_ids, area_names : frozenset
        Wanted areas; names are case-folded.
    bedrooms_min, bedrooms_max : int or None
        Wanted number of bedrooms, ends included; without one of them the range is open on that side.
    unit_types, amenities : frozenset of str
        Keys as `unit_type_key` and `amenity_keys` make them.
    segment : str or None
        ``"ready"`` or ``"off_plan"``.
    delivery_by : date or None
        Latest wanted delivery.
    """

    area_ids: frozenset[uuid.UUID] = frozenset()
    area_names: frozenset[str] = frozenset()
    bedrooms_min: int | None = None
    bedrooms_max: int | None = None
    unit_types: frozenset[str] = frozenset()
    amenities: frozenset[str] = frozenset()
    segment: str | None = None
    delivery_by: dt.date | None = None

    @property
    def has_area(self) -> bool:
        """Whether any area is wanted."""
        return bool(self.area_ids or self.area_names)

    @property
    def has_home(self) -> bool:
        """Whether a size or a type is wanted."""
        return self.has_bedrooms or bool(self.unit_types)

    @property
    def has_bedrooms(self) -> bool:
        """Whether a number of bedrooms is wanted."""
        return self.bedrooms_min is not None or self.bedrooms_max is not None

    def wants_area(self, area_id: uuid.UUID | None, area_name: str | None) -> bool:
        """Tell whether an area is among the wanted ones."""
        named = area_name is not None and area_name.casefold() in self.area_names
        return area_id in self.area_ids or named

    def bedroom_gap(self, bedrooms: int) -> int:
        """Return how many bedrooms a home is away from the wanted range, 0 inside it or without a wish."""
        low = bedrooms if self.bedrooms_min is None else self.bedrooms_min
        high = bedrooms if self.bedrooms_max is None else self.bedrooms_max
        return max(low - bedrooms, bedrooms - high, 0)


@dataclass(slots=True)
class _Found:
    """What was read so far."""

    ids: set[uuid.UUID] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    fewest: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    amenities: set[str] = field(default_factory=set)
    segments: set[str] = field(default_factory=set)
    days: list[dt.date] = field(default_factory=list)


def parse_wishes(interest: object, location_targets: object) -> Wishes:
    """Read both columns.

    Examples
    --------
    >>> parse_wishes({"bedrooms": 2, "unit_type": "Flat"}, ["Marina"]).area_names
    frozenset({'marina'})
    """
    found = _Found()
    for item in _items(interest):
        _read_interest(item, found)
    for item in _items(location_targets):
        _read_place(item, found)
    bedrooms_min, bedrooms_max = _range(found.fewest, found.most)
    return Wishes(
        area_ids=frozenset(found.ids),
        area_names=frozenset(found.names),
        bedrooms_min=bedrooms_min,
        bedrooms_max=bedrooms_max,
        unit_types=frozenset(found.types),
        amenities=frozenset(found.amenities),
        segment=next(iter(found.segments)) if len(found.segments) == 1 else None,
        delivery_by=max(found.days, default=None),
    )


def _range(fewest: Sequence[int], most: Sequence[int]) -> tuple[int | None, int | None]:
    """Return the ends of all that is wished; None is an open one, as beside a wish for more, or for less, than it."""
    if len(fewest) == len(most) == 1:
        return min(*fewest, *most), max(*fewest, *most)
    low, high = min(fewest, default=None), max(most, default=None)
    is_open_below = low is None or low > min(most, default=low)
    is_open_above = high is None or high < max(fewest, default=high)
    return None if is_open_below else low, None if is_open_above else high


def parse_must(interest: object) -> Wishes:
    """Read the limits that every unit shown keeps, from ``must`` of the interest.

    Examples
    --------
    >>> limits = parse_must({"bedrooms": 2, "must": {"bedrooms_min": 1}})
    >>> limits.bedrooms_min, limits.bedrooms_max
    (1, None)
    """
    stated = [item["must"] for item in _items(interest) if isinstance(item, Mapping) and "must" in item]
    return parse_wishes(stated, None)


def type_pattern(unit_types: Iterable[str]) -> str:
    """Return a regular expression that the text of each of some types matches, in lower case."""
    return "|".join(f"(?:{pattern})" for pattern in sorted(map(_one_type_pattern, unit_types)))


def _one_type_pattern(kind: str) -> str:
    """Return the pattern of one type; a longer one than any that is stored is cut where it still matches none."""
    known = TYPE_PATTERNS.get(kind)
    return known.pattern if known else f"^{re.escape(kind[: NAME_MAX_CHARACTERS + 1])}$"


def unit_type_key(text: str | None) -> str | None:
    """Return the name that a type of unit is compared by, or None.

    Examples
    --------
    >>> unit_type_key("Flat")
    'apartment'
    """
    if text is None:
        return None
    known = _types_in(text.casefold())
    return known[0] if known else text.strip().casefold() or None


def amenity_keys(amenities: object) -> frozenset[str]:
    """Return the codes of amenities in the vocabulary of the property layer; what has no name is left out.

    Examples
    --------
    >>> sorted(amenity_keys(["gym", {"code": "Pool", "label": "Pool"}]))
    ['FitnessCenter', 'Pool']
    """
    named = amenities if not isinstance(amenities, Mapping) or NAMED & amenities.keys() else _switched_on(amenities)
    return frozenset(code for item in _items(named) if (code := _amenity_code(item)))


def _switched_on(amenities: Mapping[str, object]) -> list[str]:
    return [name for name, has in amenities.items() if has is True]


def _amenity_code(item: object) -> str | None:
    try:
        code = normalise([item])[0]["code"]
    except ValueError:
        return None
    return code if isinstance(code, str) else None


def _items(value: object) -> Iterator[object]:
    """Yield the members of a list, or the value itself."""
    if isinstance(value, list | tuple):
        yield from value
    elif value is not None:
        yield value


def _read_interest(item: object, found: _Found) -> None:
    if isinstance(item, str):
        _read_text(item, found)
    if not isinstance(item, Mapping):
        return
    _read_bedrooms(item, found)
    for value in _under(item, TYPE_KEYS):
        if isinstance(value, str) and (key := unit_type_key(value)):
            found.types.add(key)
    found.amenities |= amenity_keys(item.get("amenities"))
    if item.get("segment") in ("ready", "off_plan"):
        found.segments.add(str(item["segment"]))
    found.days += [day for value in _under(item, DATE_KEYS) if (day := _day(value))]
    for value in _under(item, [key for key in PLACE_KEYS if key != "name"]):
        _read_place(value, found)


def _read_text(text: str, found: _Found) -> None:
    folded = text.casefold()
    types = _types_in(folded)
    found.types.update(types)
    stated = list(BEDROOMS.finditer(" ".join(folded.split())))
    for match in stated:
        counts = [int(n) for n in re.findall(r"\d+", match["counts"]) if int(n) <= MOST_BEDROOMS]
        found.fewest += counts if match["end"] != "up to " else []
        found.most += counts if match["end"] != "at least " and not match["more"] else []
    if "studio" in types and not stated:
        found.fewest.append(0)
        found.most.append(0)


def _types_in(folded: str) -> list[str]:
    return [kind for kind, pattern in TYPE_PATTERNS.items() if pattern.search(folded)]


def _read_bedrooms(item: Mapping[str, object], found: _Found) -> None:
    stated = item.get("bedrooms")
    ends = stated if isinstance(stated, Mapping) else {}
    exact = [] if isinstance(stated, Mapping) else list(_items(stated))
    found.fewest += _counts(*exact, ends.get("min"), item.get("bedrooms_min"))
    found.most += _counts(*exact, ends.get("max"), item.get("bedrooms_max"))


def _counts(*values: object) -> list[int]:
    return [count for value in values if (count := _count(value)) is not None]


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        value = float(value)  # Unlike an int, it may have any number of digits.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MOST_BEDROOMS and value == int(value) else None


def _day(value: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _under(item: Mapping[str, object], keys: Iterable[str]) -> Iterator[object]:
    for key in keys:
        yield from _items(item.get(key))


def _read_place(item: object, found: _Found) -> None:
    if isinstance(item, Mapping):
        for value in _under(item, PLACE_KEYS):
            if isinstance(value, str | Mapping):
                _read_place(value, found)
    elif isinstance(item, str) and item.strip():
        try:
            found.ids.add(uuid.UUID(item.strip()))
        except ValueError:
            found.names.add(item.strip().casefold())

"""How units are found, named and linked to on every page that shows some."""

from htpy import Element, a

from estate.console import text
from estate.console.parts import badge
from estate.sdk import Estate
from estate.sdk.models.property import Unit

__all__ = ["WITH", "find_unit", "rooms", "size", "status_badge", "title_of", "unit_link"]

TONES = {"available": "good", "reserved": "warn"}
WITH = "with"
"""Parameter of the explorer that holds the units chosen before, joined by commas."""


def find_unit(estate: Estate, property_id: str) -> Unit | None:
    """Return a unit."""
    return next(iter(estate.property.query(unit=property_id).first()), None)


def title_of(title: str | None) -> str:
    """Return what a unit is called; one without a title has no other name."""
    return title or "Unit without a title"


def unit_link(property_id: str, title: str | None) -> Element:
    """Link to a unit's page by its title."""
    return a(".roomy", href=f"/properties/{property_id}", dir="auto")[title_of(title)]


def size(one: Unit) -> str:
    """Write how large a unit is."""
    return text.DASH if one.area_sqm is None else f"{text.number(one.area_sqm)} m²"


def rooms(one: Unit) -> str:
    """Write how many bedrooms a unit has; without one it is a studio."""
    return text.DASH if one.bedrooms is None else str(one.bedrooms) if one.bedrooms else "Studio"


def status_badge(status: str) -> Element:
    """Draw whether a unit can be sold."""
    return badge(text.words(status), TONES.get(status, ""))

"""Amenities under one vocabulary: what is known gets its standard code, what is not is kept under its own."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["label", "normalise"]

# RESO Data Dictionary values where it has them, our own `x_` codes for what the region needs beside them.
_ASSOCIATION = ("building", "reso:AssociationAmenities")
_COMMUNITY = ("community", "reso:CommunityFeatures")
_SECURITY = ("building", "reso:SecurityFeatures")
_LOCAL = ("unit", "local")
_KNOWN: dict[str, tuple[str, str, str]] = {
    "FitnessCenter": ("Fitness Center", *_ASSOCIATION),
    "Clubhouse": ("Clubhouse", *_ASSOCIATION),
    "Playground": ("Playground", *_ASSOCIATION),
    "Sauna": ("Sauna", *_ASSOCIATION),
    "SpaHotTub": ("Spa", *_ASSOCIATION),
    "Concierge": ("Concierge", *_ASSOCIATION),
    "Elevators": ("Elevators", *_ASSOCIATION),
    "Parking": ("Parking", *_ASSOCIATION),
    "JoggingPath": ("Jogging Path", *_ASSOCIATION),
    "Pool": ("Pool", *_COMMUNITY),
    "Park": ("Park", *_COMMUNITY),
    "TennisCourts": ("Tennis Courts", *_COMMUNITY),
    "Golf": ("Golf", *_COMMUNITY),
    "24HourSecurity": ("24 Hour Security", *_SECURITY),
    "GatedCommunity": ("Gated Community", *_SECURITY),
    "x_maids_room": ("Maid's room", *_LOCAL),
    "x_smart_home": ("Smart home", *_LOCAL),
    "x_private_garden": ("Private garden", *_LOCAL),
    "x_roof_terrace": ("Roof terrace", *_LOCAL),
    "x_district_cooling": ("District cooling", "building", "local"),
    "x_prayer_room": ("Prayer room", "building", "local"),
    "x_mosque": ("Mosque", "community", "local"),
}
_SYNONYMS = {
    "gym": "FitnessCenter",
    "gymnasium": "FitnessCenter",
    "club house": "Clubhouse",
    "fitness centre": "FitnessCenter",
    "health club": "FitnessCenter",
    "kids play area": "Playground",
    "kids area": "Playground",
    "childrens play area": "Playground",
    "children play area": "Playground",
    "spa": "SpaHotTub",
    "jacuzzi": "SpaHotTub",
    "hot tub": "SpaHotTub",
    "reception": "Concierge",
    "concierge service": "Concierge",
    "jogging track": "JoggingPath",
    "running track": "JoggingPath",
    "maids room": "x_maids_room",
    "smart house": "x_smart_home",
    "rooftop terrace": "x_roof_terrace",
    "roof garden": "x_roof_terrace",
    "chilled water": "x_district_cooling",
    "masjid": "x_mosque",
    "prayer area": "x_prayer_room",
    "gated compound": "GatedCommunity",
    "elevator": "Elevators",
    "lift": "Elevators",
    "car park": "Parking",
    "covered parking": "Parking",
    "swimming pool": "Pool",
    "shared pool": "Pool",
    "tennis court": "TennisCourts",
    "golf course": "Golf",
    "security": "24HourSecurity",
    "24h security": "24HourSecurity",
    "24 7 security": "24HourSecurity",
    "gated": "GatedCommunity",
    "maid room": "x_maids_room",
    "garden": "x_private_garden",
    "roof": "x_roof_terrace",
    "جيم": "FitnessCenter",
    "صالة رياضية": "FitnessCenter",
    "نادي صحي": "FitnessCenter",
    "حمام السباحة": "Pool",
    "ملعب تنس": "TennisCourts",
    "ملعب جولف": "Golf",
    "منطقة ألعاب أطفال": "Playground",
    "ساونا": "Sauna",
    "جاكوزي": "SpaHotTub",
    "سبا": "SpaHotTub",
    "مصعد": "Elevators",
    "أسانسير": "Elevators",
    "موقف سيارات": "Parking",
    "جراج": "Parking",
    "أمن": "24HourSecurity",
    "حراسة": "24HourSecurity",
    "كمبوند": "GatedCommunity",
    "نادي": "Clubhouse",
    "مسجد": "x_mosque",
    "مصلى": "x_prayer_room",
    "روف": "x_roof_terrace",
    "منزل ذكي": "x_smart_home",
    "تبريد مركزي": "x_district_cooling",
    "حمام سباحة": "Pool",
    "مسبح": "Pool",
    "حديقة خاصة": "x_private_garden",
    "غرفة خادمة": "x_maids_room",
}
MAX_LABEL = 120


def label(code: str) -> str:
    """Return what people call an amenity.

    Examples
    --------
    >>> label("x_private_garden"), label("x_wine_cellar")
    ('Private garden', 'Wine cellar')
    """
    if code in _KNOWN:
        return _KNOWN[code][0]
    return code.removeprefix("x_").replace("_", " ").capitalize()


def _words(text: str) -> str:
    """Return a name as it is compared: without case, marks, and what our own codes begin with."""
    bare = text.strip().removeprefix("x_").replace("'", "").replace("’", "").replace("_", " ")
    return " ".join(re.findall(r"\w+", bare.lower()))


_CODES = _SYNONYMS | {_words(code): code for code in _KNOWN} | {_words(k[0]): code for code, k in _KNOWN.items()}


def normalise(stated: Sequence[Any] | Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return amenities as objects ``{code, label, scope, vocabulary}``, each code once, in order.

    Parameters
    ----------
    stated : sequence of str or mapping, or mapping
        Names, objects with ``code`` or ``label``, or an object of names with true or false.

    Raises
    ------
    ValueError
        When an item is neither a name nor an object with one.

    Examples
    --------
    >>> normalise(["Gym", "helipad"])[1]
    {'code': 'x_helipad', 'label': 'helipad', 'scope': 'unit', 'vocabulary': 'local'}
    """
    items = [name for name, has in stated.items() if has] if isinstance(stated, Mapping) else stated
    by_code: dict[str, dict[str, Any]] = {}
    for item in items:
        amenity = _named(item) if isinstance(item, str) else _completed(item)
        by_code.setdefault(amenity["code"], amenity)
    return list(by_code.values())


def _named(name: str) -> dict[str, Any]:
    words = _words(name)
    if not words or len(name) > MAX_LABEL:
        raise ValueError(f"An amenity is a name of 1 to {MAX_LABEL} characters, or an object with one.")
    code = _CODES.get(words)
    if code is None:
        bare = name.strip().removeprefix("x_")
        return {"code": "x_" + words.replace(" ", "_"), "label": bare, "scope": "unit", "vocabulary": "local"}
    label, scope, vocabulary = _KNOWN[code]
    return {"code": code, "label": label, "scope": scope, "vocabulary": vocabulary}


def _completed(item: object) -> dict[str, Any]:
    """Fill in what an object leaves out; what it states is kept, but its code where the vocabulary has one."""
    stated = {str(k): v for k, v in item.items() if v not in (None, "")} if isinstance(item, Mapping) else {}
    code, label = stated.get("code"), stated.get("label", stated.get("name"))
    names = [name for name in (code, label) if name is not None]
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("An amenity is a name, or an object with a code or a label.")
    known = next((name for name in names if _words(name) in _CODES), None)
    replaced = {"name"} if known is None and label is not None else {"name", "code"}
    return _named(known or names[-1]) | {key: value for key, value in stated.items() if key not in replaced}

"""Reads telephone numbers as the numbering plans of the world define them."""

import phonenumbers

__all__ = ["parsed"]


def parsed(phone: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    """Return a number with a country code, or one of a region without it; None where it is neither."""
    try:
        return phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return None

"""Free JSON becomes words that can be searched and cited."""

import pytest

from estate.core.json_text import json_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ([], ""),
        ({"segment": None, "tags": []}, ""),
        (["price", "handover date"], "price, handover date"),
        ({"price": 31, "handover": 2.5}, "price 31; handover 2.5"),
        ([{"area_id": "0b3e", "area_name": "Palm"}, "الخليج"], "area name Palm, الخليج"),
        ({"cash": True, "mortgage": False}, "cash yes; mortgage no"),
    ],
)
def test_words(value: object, text: str) -> None:
    assert json_text(value) == text

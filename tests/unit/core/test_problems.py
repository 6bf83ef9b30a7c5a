from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator

from estate.core.errors import FieldProblem
from estate.core.problems import field_path, field_problems, request_problems
from estate.core.types import Count, Money, Schema, ShortText, Uuid

SECRET = "canary-7f3a"


class Part(Schema):
    amount: Money
    stage: Literal["booking", "handover"] = "booking"


class Plan(Schema):
    plan_id: Uuid
    title: ShortText
    n: Count = 0
    parts: list[Part] = Field(default=[], max_length=2)
    labels: dict[str, Count] = Field(default={})

    @field_validator("title")
    @classmethod
    def _known(cls, title: str) -> str:
        if title == "ours":
            raise ValueError("This title is taken.")
        if title.startswith("float"):
            float(title)
        return title


GOOD: dict[str, Any] = {"plan_id": "00000000-0000-4000-8000-000000000000", "title": "Marina"}


def problems_of(value: object, model: type[BaseModel] = Plan, **options: int) -> tuple[FieldProblem, ...]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return field_problems(caught.value, limit=100, **options)


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"tenant_id": SECRET}, "tenant_id", "There is no such field."),
        ({"function-after[x]": SECRET}, "function-after[x]", "There is no such field."),
        ({"title": 5}, "title", "This must be a string."),
        ({"title": " "}, "title", "This must not be blank."),
        ({"title": "ours"}, "title", "This title is taken."),
        ({"title": f"float {SECRET}"}, "title", "This value is not accepted."),
        ({"n": "1"}, "n", "This must be a whole number."),
        ({"n": 2**31}, "n", "This must be at most 2147483647."),
        ({"n": -1}, "n", "This must be at least 0."),
        ({"parts": {}}, "parts", "This must be a list."),
        ({"parts": [SECRET]}, "parts.0", "This must be an object."),
        ({"parts": [{"amount": "1"}] * 3}, "parts", "This must have at most 2 items."),
        ({"parts": [{"amount": SECRET}]}, "parts.0.amount", "Write an amount such as 1250000.50, without"),
        ({"parts": [{"amount": "1", "stage": SECRET}]}, "parts.0.stage", "This must be 'booking' or 'handover'."),
        ({"parts": [{}]}, "parts.0.amount", "This field is required."),
        ({"labels": {"sea": SECRET}}, "labels.sea", "This must be a whole number."),
    ],
)
def test_a_problem_names_the_field_and_keeps_the_value_to_itself(
    change: dict[str, object], field: str, message: str
) -> None:
    (problem,) = problems_of(GOOD | change)
    assert problem.field == field
    assert problem.message.startswith(message)
    assert SECRET not in problem.message


def test_problems_come_in_one_order_whatever_the_order_of_the_keys() -> None:
    bad = {"zz": 1, "aa": 1, "n": "x", "labels": {"10": "x", "9": "x"}}
    backwards = dict(reversed(bad.items()))
    assert problems_of(bad) == problems_of(backwards)
    assert [p.field for p in problems_of(bad)] == ["aa", "labels.10", "labels.9", "n", "plan_id", "title", "zz"]


def test_positions_are_sorted_as_numbers_and_the_list_is_cut() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(list[Count]).validate_python(["x"] * 150)
    problems = field_problems(caught.value, row=7, limit=100)
    assert [p.field for p in problems] == [str(i) for i in range(100)]
    assert {p.row for p in problems} == {7}
    assert len(field_problems(caught.value, limit=120)) == 120


def test_an_unknown_kind_of_error_says_nothing_of_the_value() -> None:
    class Odd(BaseModel):
        at: Decimal

    (problem,) = problems_of({"at": SECRET}, Odd)
    assert problem == FieldProblem("at", "This value is not accepted.")


def test_a_path_stays_short_and_printable() -> None:
    assert field_path(["metadata", "a\0\u202eb", 3]) == "metadata.a??b.3"
    assert len(field_path(["k" * 10_000] * 30)) <= 256


def test_parameters_are_named_without_their_place() -> None:
    details = [
        {"type": "extra_forbidden", "loc": ("query", "limt"), "msg": "", "input": SECRET},
        {"type": "int_parsing", "loc": ("path", "year"), "msg": "", "input": SECRET},
    ]
    assert request_problems(details, limit=100) == (
        FieldProblem("limt", "There is no such field."),
        FieldProblem("year", "This must be a whole number."),
    )

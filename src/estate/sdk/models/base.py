"""How answers are read: frozen, unknown keys ignored, words that are not known yet let through."""

from collections.abc import Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar, overload

from pydantic import BaseModel, ConfigDict, SkipValidation

T = TypeVar("T")

Open = Annotated[T, SkipValidation]
"""Words that are known today; a newer server may say others, and they come through."""

Status = Open[Literal["ok", "insufficient_data"]]


class Model(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Page(Model, Generic[T]):
    """Some items of a list, and where to go on; it is read like a sequence."""

    items: tuple[T, ...]
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[T]:  # type: ignore[override]
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self.items[index]


class Count(Model):
    """How long a list is."""

    count: int


class Reason(Model):
    """One statement that was re-derived from stored fields."""

    field: str
    text: str
    value: Any
    part: float = 0.0
    evidence: dict[str, int] = {}


class TradeOff(Model):
    """A wish that is missed, or something that could not be compared."""

    field: str
    text: str
    value: Any
    evidence: dict[str, int] = {}


class MissingField(Model):
    """A field that is not known, and how far knowing it could move the score."""

    feature: str
    lower: float
    upper: float
    why: str


class Contribution(Model):
    """What one feature adds to the log-odds."""

    feature: str
    value: float | None
    logit: float
    why: str

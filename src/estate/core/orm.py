"""The declarative base of every table, with one naming convention and the column types of the house."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Identity,
    Integer,
    MetaData,
    Numeric,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

__all__ = ["Base", "BigId", "BigInt", "Json", "Money", "UpdatedAt", "finite", "sane_time", "share"]

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = dict[str, Any] | list[Any]
BigId = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
BigInt = Annotated[int, mapped_column(BigInteger)]
Money = Annotated[Decimal, mapped_column(Numeric(20, 2))]
UpdatedAt = Annotated[dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.now(), nullable=False)]


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        str: Text,
        int: Integer,
        bytes: BYTEA,
        Decimal: Numeric,
        uuid.UUID: Uuid,
        dt.datetime: DateTime(timezone=True),
        dt.date: Date,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        Json: JSONB(none_as_null=True),  # A cleared column is NULL, not a JSON null.
    }


def finite(*columns: str) -> list[CheckConstraint]:
    """Forbid NaN and Infinity, which PostgreSQL's numeric would store and JSON cannot carry."""
    return [CheckConstraint(f"{c} NOT IN ('NaN', 'Infinity', '-Infinity')", name=f"{c}_finite") for c in columns]


def share(*columns: str) -> list[CheckConstraint]:
    """Keep a column within [0, 1]; NaN sorts above every number, so it is refused too."""
    return [CheckConstraint(f"{c} BETWEEN 0 AND 1", name=f"{c}_share") for c in columns]


def sane_time(*columns: str) -> list[CheckConstraint]:
    """Keep a time within 1970-2100: Python cannot read what lies outside its calendar."""
    return [CheckConstraint(f"{c} >= '1970-01-01' AND {c} < '2101-01-01'", name=f"{c}_sane") for c in columns]

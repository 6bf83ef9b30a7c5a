"""Typed client of Estate's HTTP API; it stands apart from the rest and needs httpx2 and pydantic only."""

from estate.sdk.client import Estate
from estate.sdk.errors import ApiError, EstateError
from estate.sdk.models.base import Page
from estate.sdk.pages import Pages

__all__ = ["ApiError", "Estate", "EstateError", "Page", "Pages"]

"""Lists that come in pages: read through as if they were one."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from estate.sdk.models.base import Page

T = TypeVar("T")


class Pages(Generic[T]):
    """A list that fetches its pages while it is read; each reading starts anew.

    Parameters
    ----------
    fetch : callable
        Takes a cursor, None for the first page, and returns that page.
    cursor : str or None
        Where to begin.
    """

    def __init__(self, fetch: Callable[[str | None], Page[T]], cursor: str | None = None) -> None:
        self._fetch = fetch
        self._cursor = cursor

    def pages(self) -> Iterator[Page[T]]:
        """Yield page after page, to the end."""
        page = self._fetch(self._cursor)
        yield page
        while page.next_cursor is not None:
            page = self._fetch(page.next_cursor)
            yield page

    def first(self) -> Page[T]:
        """Return the first page only."""
        return self._fetch(self._cursor)

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page

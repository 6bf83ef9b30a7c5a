"""Calls about files that people bring."""

from collections.abc import Sequence

from estate.sdk.groups.base import Group, Id, new_key, segment
from estate.sdk.loading import Row
from estate.sdk.models.imports import Import, ImportListed, ImportRow
from estate.sdk.pages import Pages
from estate.sdk.transport import Call, parsed


class ImportsApi(Group):
    """CSV files and Excel workbooks: brought, asked about, taken, mended, taken back."""

    def bring(
        self, content: bytes, *, filename: str, kind: str | None = None, idempotency_key: str | None = None
    ) -> Import:
        """Bring a file: it is read, its columns are found, every row is checked; nothing is taken."""
        params = {"filename": filename, "kind": kind}
        key = idempotency_key or new_key()
        call = Call("POST", "/imports", params, content, "application/octet-stream", key=key)
        return parsed(Import, self._transport.send(call))

    def query(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Pages[ImportListed]:
        """List imports, the newest first."""
        return self._pages(ImportListed, "/imports", state=state, kind=kind, cursor=cursor, limit=limit)

    def get(self, import_id: Id) -> Import:
        """Show what was found in a file, and what became of its rows."""
        return self._get(Import, f"/imports/{segment(import_id)}")

    def mapping(self, import_id: Id, row: Row, *, idempotency_key: str | None = None) -> Import:
        """Say what a file is and what its columns are: what is absent stays as it was, null takes it back."""
        return self._post(Import, f"/imports/{segment(import_id)}/mapping", row, idempotency_key)

    def rows(
        self, import_id: Id, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Pages[ImportRow]:
        """List rows of a file, with what is wrong with which cell."""
        path = f"/imports/{segment(import_id)}/rows"
        return self._pages(ImportRow, path, status=status, cursor=cursor, limit=limit)

    def fix(
        self,
        import_id: Id,
        line: int,
        *,
        cells: Sequence[str | float | bool | None],
        idempotency_key: str | None = None,
    ) -> ImportRow:
        """Mend a row that was rejected or ignored."""
        path = f"/imports/{segment(import_id)}/rows/{line}"
        return self._post(ImportRow, path, {"cells": list(cells)}, idempotency_key)

    def commit(self, import_id: Id, *, idempotency_key: str | None = None) -> Import:
        """Have the rows taken; `get` tells how far it is."""
        return self._post(Import, f"/imports/{segment(import_id)}/commit", {}, idempotency_key)

    def undo(self, import_id: Id, *, idempotency_key: str | None = None) -> Import:
        """Take an import back."""
        return self._post(Import, f"/imports/{segment(import_id)}/undo", {}, idempotency_key)

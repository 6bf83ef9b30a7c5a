"""Tables of the imports: the file, its rows, and how each record was before."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from estate.core.orm import Base, BigInt, Json

__all__ = ["Import", "ImportChange", "ImportRow"]


class Import(Base):
    """One file that somebody brought, what was found in it and what they said about it."""

    __tablename__ = "imports"
    __table_args__ = (
        # Queries: the newest; what was said of the same header; what is past its retention.
        Index("ix_imports_created_at", "created_at"),
        Index("ix_imports_fingerprint", "fingerprint", "committed_at"),
        CheckConstraint("state IN ('read', 'committing', 'committed', 'undoing', 'undone')", name="state_known"),
        CheckConstraint("kind IN ('clients', 'units', 'agents', 'market')", name="kind_known"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_whole"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    caller: Mapped[str]
    role: Mapped[str]
    agent_id: Mapped[uuid.UUID | None]
    team_id: Mapped[uuid.UUID | None]
    filename: Mapped[str]
    sha256: Mapped[bytes]
    size_bytes: Mapped[BigInt]
    state: Mapped[str] = mapped_column(server_default=text("'read'"))
    kind: Mapped[str | None]
    fingerprint: Mapped[str]
    records: Mapped[int]
    stated: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    reading: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    columns: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    content: Mapped[bytes | None] = mapped_column(deferred=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    committed_at: Mapped[dt.datetime | None]
    undone_at: Mapped[dt.datetime | None]


class ImportRow(Base):
    """One record of a file with its bytes and cells, and what became of it."""

    __tablename__ = "import_rows"
    # Queries: the rows of an import by what became of them, in the order of the file; the rows of one record.
    __table_args__ = (
        Index("ix_import_rows_import_id_status_line", "import_id", "status", "line"),
        Index("ix_import_rows_record_id", "record_id"),
        CheckConstraint(
            "status IN ('waiting', 'created', 'updated', 'unchanged', 'rejected', 'ignored')", name="status_known"
        ),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("imports.import_id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    reason: Mapped[str | None]
    raw: Mapped[bytes | None]
    cells: Mapped[list[Any]]
    refusal: Mapped[str | None]
    problems: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    record_id: Mapped[str | None]
    said: Mapped[bytes | None]
    undone: Mapped[str | None]


class ImportChange(Base):
    """One record that an import wrote: how it was before, and a hash of how it was left."""

    __tablename__ = "import_changes"
    __table_args__ = (
        # Queries: the changes still to be taken back; the former states of one record.
        Index("ix_import_changes_waiting", "import_id", "place", "line", postgresql_where=text("outcome IS NULL")),
        Index("ix_import_changes_record_id", "record_id"),
        CheckConstraint("outcome IN ('restored', 'removed', 'kept')", name="outcome_known"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("imports.import_id"), primary_key=True)
    subject_table: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    line: Mapped[int]
    key: Mapped[dict[str, Any]]
    before: Mapped[Json | None]
    after_hash: Mapped[bytes | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]

"""Upsert by primary key: an absent field keeps its value, null clears it, an older row changes nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Table, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

__all__ = ["Written", "upsert", "waves"]

Row = Mapping[str, Any]
Written = Literal["created", "updated", "stale"]


def waves(keys: Sequence[Any]) -> Iterator[list[int]]:
    """Split positions so that no key stands twice in a wave, in order of appearance.

    Examples
    --------
    >>> list(waves(["a", "b", "a"]))
    [[0, 1], [2]]
    """
    rounds: list[list[int]] = []
    seen: dict[Any, int] = {}
    for position, key in enumerate(keys):
        wave = seen.get(key, 0)
        seen[key] = wave + 1
        if wave == len(rounds):
            rounds.append([])
        rounds[wave].append(position)
    yield from rounds


def upsert(
    session: Session, table: Table, rows: Sequence[Row], *, on_insert: Callable[[Row], Row] = lambda _: {}
) -> list[Written]:
    """Write rows that may name different columns.

    Parameters
    ----------
    rows : sequence of mappings
        Column to value; each names the whole primary key and ``updated_at``.
    on_insert : callable, optional
        Row to values for columns that it does not name, should it be new. A row policy looks at them in any case.

    Returns
    -------
    list of str
        ``created``, ``updated`` or ``stale`` for each row.
    """
    key_columns = [column.name for column in table.primary_key]
    statuses: list[Written] = ["stale"] * len(rows)
    keys = [tuple(row[c] for c in key_columns) for row in rows]
    for wave in waves(keys):
        for shape in _by_columns(rows, sorted(wave, key=keys.__getitem__)):  # One lock order for all writers.
            written = _write(session, table, key_columns, [rows[i] for i in shape], on_insert)
            for i in shape:
                found = written.get(keys[i])
                if found is not None:
                    statuses[i] = "created" if found else "updated"
    return statuses


def _by_columns(rows: Sequence[Row], positions: Sequence[int]) -> Iterator[list[int]]:
    """Group positions by the columns that their rows name: one statement serves each group."""
    groups: dict[frozenset[str], list[int]] = {}
    for i in positions:
        groups.setdefault(frozenset(rows[i]), []).append(i)
    yield from groups.values()


def _write(
    session: Session,
    table: Table,
    key_columns: Sequence[str],
    rows: Sequence[Row],
    on_insert: Callable[[Row], Row],
) -> dict[tuple[Any, ...], bool]:
    statement = insert(table)
    given = [name for name in rows[0] if name not in key_columns]
    statement = statement.on_conflict_do_update(
        index_elements=key_columns,
        set_={name: statement.excluded[name] for name in given},
        where=statement.excluded.updated_at >= table.c.updated_at,
    )
    returning = statement.returning(
        *(table.c[name] for name in key_columns),
        literal_column("(xmax = 0)").label("created"),
    )
    values = [{**on_insert(row), **row} for row in rows]
    return {tuple(row[:-1]): bool(row[-1]) for row in session.execute(returning, values)}

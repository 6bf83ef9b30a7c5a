"""amenities of units under the codes of the one vocabulary, also where they came with a code

Revision: 0017
Revises: 0016
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from estate.property.analytics.amenities import normalise

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STORED = sa.text("""
SELECT project_id, unit_id, amenities FROM properties
WHERE jsonb_typeof(amenities) = 'array' AND amenities <> '[]' ORDER BY project_id, unit_id
""")
RENAME = sa.text("""
UPDATE properties SET amenities = :renamed
WHERE project_id = :project_id AND unit_id = :unit_id AND amenities = :amenities
""").bindparams(sa.bindparam("amenities", type_=JSONB), sa.bindparam("renamed", type_=JSONB))


def upgrade() -> None:
    connection = op.get_bind()
    rows = [row._mapping for row in connection.execute(STORED)]
    changed = list(_changed(rows))
    if changed:
        connection.execute(RENAME, changed)


def _changed(rows: list[Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        try:
            renamed = normalise(row["amenities"])
        except ValueError:
            continue  # What nobody can read stays as it came.
        if renamed != row["amenities"]:
            yield {**row, "renamed": renamed}


def downgrade() -> None:
    pass

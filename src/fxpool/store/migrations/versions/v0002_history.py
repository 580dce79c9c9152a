"""The past of accounts: rows, and the stretches of time that they are whole for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "history_rows",
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("row_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "history_spans",
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("begin_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("history_spans")
    op.drop_table("history_rows")

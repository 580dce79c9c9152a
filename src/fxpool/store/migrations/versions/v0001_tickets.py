"""Tickets, and the keys that hold them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(520)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("client_order_id", sa.String(50), nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_tickets_state", "tickets", ["state"])
    op.create_index("ix_tickets_received_ms", "tickets", ["received_ms"])
    op.create_table(
        "order_keys",
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("key", sa.String(520), primary_key=True),
        sa.Column("ticket_id", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("is_free", sa.Boolean, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_order_keys_ticket_id", "order_keys", ["ticket_id"])


def downgrade() -> None:
    op.drop_table("order_keys")
    op.drop_table("tickets")

"""Alembic's entry: runs the migrations on the connection that ``store.database`` hands over."""

from __future__ import annotations

from alembic import context

from fxpool.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()

"""Ids that nobody else makes and nobody guesses. Imports nothing of ours."""

from __future__ import annotations

from os import urandom


def random_id() -> str:
    """Return 32 hexadecimal digits from the system's source of randomness."""
    return urandom(16).hex()

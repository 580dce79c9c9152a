from __future__ import annotations

from fxpool.account.seen import SeenIds


def test_an_id_is_new_once_and_the_oldest_is_forgotten_when_full() -> None:
    seen = SeenIds(limit=2)
    assert seen.add(1)
    assert not seen.add(1)
    assert seen.add(2)
    assert seen.add(3)
    assert 1 not in seen
    assert 2 in seen

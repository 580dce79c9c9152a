"""A position of several fills: a partial close takes the oldest, and the rest has another price."""

from __future__ import annotations

from decimal import Decimal

from fxpool.account.events import PositionPartiallyClosed
from fxpool.openapi.proto import messages_pb2 as m
from harness.mirror import Mirror
from harness.terminal import ACCOUNT, EURUSD, START_MS, make_venue

UNIT = 100_000


def test_a_partial_close_leaves_the_price_of_the_younger_fills() -> None:
    """The prices are those of a recorded trade: 1.11987333... before the close, 1.119875 after."""
    venue = make_venue()
    mirror = Mirror(venue, ACCOUNT)
    position_id = None
    for ask in (111_987, 111_987, 111_988):
        venue.tick(EURUSD, ask - 6, ask, START_MS)
        mirror.trade(
            m.ProtoOANewOrderReq(
                ctidTraderAccountId=ACCOUNT,
                symbolId=EURUSD,
                orderType=1,
                tradeSide=1,
                volume=UNIT,
                positionId=position_id,
            ),
            START_MS,
        )
        (position_id,) = mirror.book.positions
    (opened,) = mirror.book.positions.values()
    assert str(opened.price).startswith("1.119873333333")
    venue.tick(EURUSD, 111_996, 112_002, START_MS)
    mirror.hear()
    assert mirror.book.gross(opened.position_id) == Decimal("0.26")  # 3,000 * 0.0000866...
    mirror.trade(
        m.ProtoOAClosePositionReq(
            ctidTraderAccountId=ACCOUNT, positionId=opened.position_id, volume=UNIT
        ),
        START_MS,
    )
    (rest,) = mirror.book.positions.values()
    assert rest.price == Decimal("1.119875")
    (part,) = (e for e in mirror.events if isinstance(e, PositionPartiallyClosed))
    assert part.deal.close is not None
    assert part.deal.close.entry_price == Decimal("1.11987")
    assert mirror.book.gross(rest.position_id) == Decimal("0.17")

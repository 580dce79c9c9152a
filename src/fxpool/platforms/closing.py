"""Several closes at the same time, and as one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fxpool.mapping.formats import CloseResults, OutcomeWord, TradeResult
from fxpool.platforms.base import PlatformError


async def close_each(
    position_ids: Sequence[str], close: Callable[[str], Awaitable[TradeResult]]
) -> CloseResults:
    """Close positions at the same time; ``close`` answers every refusal and does not raise."""

    async def one(position_id: str) -> TradeResult:
        return await close(position_id)

    async with asyncio.TaskGroup() as closes:
        tasks = [closes.create_task(one(position_id)) for position_id in position_ids]
    return summed_up(position_ids, [task.result() for task in tasks])


def summed_up(position_ids: Sequence[str], results: Sequence[TradeResult]) -> CloseResults:
    """Return what became of closing these positions, in their order.

    One that was closed already by somebody else is closed; each failure is told by its row.
    """
    rows = [
        TradeResult(positionId=position_id) | result
        for position_id, result in zip(position_ids, results, strict=True)
    ]
    failures = [row for row in rows if not (row["success"] or row.get("alreadyClosed"))]
    closed = len(rows) - len(failures)
    answer = CloseResults(
        success=not failures,
        outcome=_outcome(failures, closed),
        message=f"{closed} of {len(rows)} positions closed" if rows else "no position is open",
        closed=closed,
        failed=len(failures),
        results=rows,
    )
    if failures:
        first = failures[0]
        text = f"{len(failures)} of {len(rows)} positions were not closed: {first['error']}"
        answer |= {
            "error": text,
            "detail": text,
            "code": first["code"],
            "retryable": any(row.get("retryable", False) for row in failures),
        }
    return answer


def refused(error: PlatformError) -> CloseResults:
    """Return the answer to a call that closed nothing."""
    return CloseResults(
        success=False,
        outcome="not_executed",
        message="nothing was closed",
        closed=0,
        failed=0,
        results=[],
        error=error.detail,
        detail=error.detail,
        code=error.code,
        retryable=error.retryable,
    )


def _outcome(failures: Sequence[TradeResult], closed: int) -> OutcomeWord:
    if any(row["outcome"] == "unknown" for row in failures):
        return "unknown"
    return "executed" if closed or not failures else "not_executed"

"""The commands that trade: trade, modify, amend, close, cancel. What became of it is printed,
always."""

from __future__ import annotations

import typer
from rich.markup import escape

from fxpool.cli import numbers
from fxpool.cli.console import stdout
from fxpool.cli.exits import Exit, fail, print_json, warn_unknown
from fxpool.cli.pool import Pool
from fxpool.mapping.formats import CloseResults, HaltState, TradeResult
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest


def place(pool: Pool, account: str, order: TradeRequest) -> None:
    """Place an order and print what became of it."""
    result = pool.order(lambda platform: platform.execute(account, order))
    end(pool, result, _placed(result, order))


def modify(pool: Pool, account: str, protection: ProtectionRequest) -> None:
    """Set a position's protection and print it as the broker has it now."""
    result = pool.order(lambda platform: platform.modify_position(account, protection))
    end(
        pool,
        result,
        f"position {protection.position_id} modified: stop loss"
        f" {numbers.price(result.get('stopLoss'))}, take profit"
        f" {numbers.price(result.get('takeProfit'))}",
    )


def amend(pool: Pool, account: str, change: OrderChange) -> None:
    """Change a pending order and print it as the broker has it now."""
    result = pool.order(lambda platform: platform.modify_order(account, change))
    line = f"order {change.order_id} amended"
    if "volume" in result and "openPrice" in result:
        line += f": {numbers.lots(result['volume'])} lots at {numbers.price(result['openPrice'])}"
    line += f", stop loss {numbers.price(result.get('stopLoss'))}"
    line += f", take profit {numbers.price(result.get('takeProfit'))}"
    end(pool, result, line)


def close(pool: Pool, account: str, request: CloseRequest) -> None:
    """Close a position and print the realised result."""
    result = pool.order(lambda platform: platform.close_position(account, request))
    end(pool, result, closed(request.position_id, result))


def check_what_to_close(position: str | None, symbol: str | None, *, everything: bool) -> None:
    """End the command unless exactly one of them is asked for."""
    if [position is not None, symbol is not None, everything].count(True) != 1:
        fail(Exit.USAGE, "give a position, --symbol or --all, and only one of them")


def check_closes_by_name(*, allow_unsynchronized: bool) -> None:
    """End the command if it means many positions of a book that may be wrong."""
    if allow_unsynchronized:
        fail(
            Exit.USAGE,
            "--allow-unsynchronized is for one position: which ones are open is not known then",
        )


def check_whom(account: str | None, *, everything: bool) -> None:
    """End the command unless it means one account or, said in so many words, all."""
    if (account is not None) == everything:
        fail(Exit.USAGE, "give an account, or --all for every account")


def close_all(pool: Pool, account: str, symbol: str | None) -> None:
    """Close all positions, or a symbol's, and print one line for each."""
    answer = pool.order(lambda platform: platform.close_positions(account, symbol=symbol))
    code = _exit_of(answer)
    if pool.as_json:
        print_json(answer)
        raise typer.Exit(code)
    for row in answer["results"]:
        is_closed = row["success"] or row.get("alreadyClosed", False)
        line = closed(row["positionId"], row) if is_closed else row["error"]
        word = "[green]ok[/]" if is_closed else "[red]open[/]"
        stdout().print(f"{word} {escape(line)}", soft_wrap=True)
    if code is Exit.OUTCOME_UNKNOWN:
        warn_unknown(answer.get("error", ""), is_repeatable=True)
        raise typer.Exit(code)
    if code is not Exit.OK:
        fail(code, answer.get("error", answer["message"]))
    stdout().print(f"[green]ok[/] {answer['message']}", soft_wrap=True)


def halt(pool: Pool, account: str | None, reason: str) -> None:
    """Stop an account, or all, from opening anything."""
    _tell_halt(pool, pool.ask(lambda platform: platform.halt(account, reason=reason)))


def resume(pool: Pool, account: str | None) -> None:
    """End a halt, or all of them."""
    _tell_halt(pool, pool.ask(lambda platform: platform.resume(account)))


def _tell_halt(pool: Pool, state: HaltState) -> None:
    if pool.as_json:
        print_json(state)
        return
    word = "[bold yellow]halted[/]" if state["halted"] else "[green]ok[/]"
    stdout().print(f"{word} {escape(state['message'])}", soft_wrap=True)


def cancel(pool: Pool, account: str, order_id: str, *, allow_unsynchronized: bool = False) -> None:
    """Cancel a pending order."""
    result = pool.order(
        lambda platform: platform.cancel_order(
            account, order_id, allow_unsynchronized=allow_unsynchronized
        )
    )
    end(pool, result, f"order {order_id} cancelled")


def closed(position_id: str, result: TradeResult) -> str:
    """Return one line on a close: at what price, and what it brought."""
    line = f"position {position_id} closed"
    if "closedVolume" in result:
        line += f": {numbers.lots(result['closedVolume'])} lots"
    if "closePrice" in result:
        line += f" at {numbers.price(result['closePrice'])}"
    if "profit" in result:
        line += f", realised {numbers.signed_money(result['profit'])}"
    if result.get("remainingVolume"):
        line += f", {numbers.lots(result['remainingVolume'])} lots stay open"
    return line


def _placed(result: TradeResult, order: TradeRequest) -> str:
    """Return one line on an order that was accepted: filled, or placed and pending."""
    if "positionId" not in result:
        lots = f"{numbers.lots(result['volume'])} lots " if "volume" in result else ""
        return (
            f"{order.action.lower().replace('_', ' ')} order {result.get('orderId', '')} placed:"
            f" {lots}{order.symbol} at {order.open_price}"
        )
    filled = result.get("executedVolume", result.get("volume"))
    line = f"{order.action.lower()} filled: position {result['positionId']}, "
    line += f"{'' if filled is None else numbers.lots(filled)} lots {order.symbol}"
    if "openPrice" in result:
        line += f" at {numbers.price(result['openPrice'])}"
    return line + " (partial fill)" if result.get("partial") else line


def end(pool: Pool, result: TradeResult, line: str) -> None:
    """Print a result and end with the code that it stands for."""
    code = _exit_of(result)
    if pool.as_json:
        print_json(result)
        raise typer.Exit(code)
    reason = result.get("error", "the pool gave no reason")
    if code is Exit.OUTCOME_UNKNOWN:
        warn_unknown(reason, is_repeatable=result.get("retryable", False))
        raise typer.Exit(code)
    if code is Exit.REFUSED:
        fail(code, reason, cure=_refusal_facts(result))
    stdout().print(f"[green]ok[/] {line}", soft_wrap=True)
    if result.get("protection") == "failed":
        fail(Exit.REFUSED, f"the position is open WITHOUT its protection: {reason}")


def _exit_of(result: TradeResult | CloseResults) -> Exit:
    if result["outcome"] == "unknown":
        return Exit.OUTCOME_UNKNOWN
    return Exit.OK if result["success"] else Exit.REFUSED


def _refusal_facts(result: TradeResult) -> str:
    """Return the code of a refusal, and that a repeat is safe to try where it is."""
    facts = [result["code"]] if "code" in result else []
    if result.get("retryable"):
        facts.append("nothing was executed; it may be tried again")
    return " · ".join(facts)

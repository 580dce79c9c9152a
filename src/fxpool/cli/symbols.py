"""`fxpool symbols`: what an account can trade, and which of it a name means."""

from __future__ import annotations

from typing import Final

from rich.markup import escape
from rich.table import Table

from fxpool.cli.console import stdout
from fxpool.cli.exits import print_json
from fxpool.cli.pool import Pool
from fxpool.mapping.symbol_formats import MatchWord, SymbolDetail, SymbolList, SymbolMapping

_REASONS: Final[dict[MatchWord, str]] = {
    "broker_rule": "the symbols file has an entry for this account's broker",
    "rule": "the symbols file has a general entry",
    "equal": "the broker uses the same name",
    "normalised": "the broker's name is equal without separators and case",
    "alias": "both are well-known names of one thing",
    "suffix": "the name is known without its suffix",
}


def show(pool: Pool, account: str, search: str) -> None:
    """Print the symbols of an account whose names or description contain a text."""
    found = _matching(pool.ask(lambda platform: platform.symbols(account)), search)
    if pool.as_json:
        print_json(found)
    elif not found["details"] and not found.get("archived"):
        stdout().print(f"no symbol of {escape(account)} contains {escape(search)}")
    else:
        stdout().print(_table(found))


def explain(pool: Pool, name: str, account: str | None) -> None:
    """Print what a name means, and why; a name that means nothing ends with the nearest ones."""
    mapping = pool.ask(lambda platform: platform.symbol_mapping(name, account))
    if pool.as_json:
        print_json(mapping)
        return
    stdout().print(_explained(name, mapping))
    for key, meant in mapping.get("byAccount", {}).items():
        stdout().print(f"  {escape(key)}: {escape(meant['cTraderName'])} (id {meant['cTraderId']})")


def _explained(name: str, mapping: SymbolMapping) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    meaning = f"{mapping['cTraderName']} (id {mapping['cTraderId'] or 'differs by account'})"
    rows = {
        name: f"is {meaning} on {mapping['account_id']}",
        "because": _REASONS[mapping["matchedBy"]],
        "shown as": mapping["mt5Symbol"],
        "lots": f"{_number(mapping['minVolume'])} to {_number(mapping['maxVolume'])}"
        f" in steps of {_number(mapping['volumeStep'])}",
        "one lot": f"{mapping['lotSize'] * mapping['multiplier']:g} units",
        "multiplier": f"{mapping['multiplier']:g}",
        "digits": str(mapping["digits"]),
    }
    for title, text in rows.items():
        table.add_row(f"[bold]{escape(title)}[/]", escape(text))
    return table


def _matching(listing: SymbolList, search: str) -> SymbolList:
    wanted = search.casefold()

    def has(name: str, detail: SymbolDetail) -> bool:
        texts = (name, detail["cTraderName"], detail.get("description") or "")
        return any(wanted in text.casefold() for text in texts)

    details = {name: detail for name, detail in listing["details"].items() if has(name, detail)}
    return SymbolList(
        symbols=[name for name in listing["symbols"] if name in details],
        details=details,
        archived=[name for name in listing.get("archived", []) if wanted in name.casefold()],
    )


def _table(listing: SymbolList) -> Table:
    archived = ", ".join(listing.get("archived", []))
    caption = f"archived: {escape(archived)}" if archived else None
    table = Table(box=None, pad_edge=False, caption=caption, caption_justify="left")
    for heading in ("symbol", "at the broker", "id", "group", "description"):
        table.add_column(heading, justify="right" if heading == "id" else "left")
    for name, detail in listing["details"].items():
        group = filter(None, (detail.get("assetClass"), detail.get("category")))
        table.add_row(
            escape(name),
            escape(detail["cTraderName"]) + ("" if detail["enabled"] else " [yellow]disabled[/]"),
            str(detail.get("cTraderId", "")),
            escape(" / ".join(group)),
            escape(detail.get("description") or ""),
        )
    return table


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"

"""Recorded quotes from a CSV or Parquet file (``timestamp,bid,ask``), played at a chosen speed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from fxpool.errors import SettingsError
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.market.parquet import parquet_rows

HEADER = ["timestamp", "bid", "ask"]


class ReplayedQuote(NamedTuple):
    """A recorded quote: seconds since the file's first, and prices in 1/100000."""

    offset: float
    bid: int
    ask: int


@dataclass(frozen=True, slots=True)
class Replay:
    """A file of quotes for one symbol.

    Attributes:
        symbol_name: the broker's name for it.
        path: the file; it is read row by row while it plays.
    """

    symbol_name: str
    path: Path

    @classmethod
    def parse(cls, text: str, symbol_names: Iterable[str]) -> Replay:
        """Return the replay that ``EURUSD=path`` or a bare path asks for.

        A bare path names its symbol by the letters that its file name begins with, so
        ``eurusd-ticks.csv`` is EURUSD. Raises SettingsError where there is no such symbol.
        """
        name, separator, rest = text.partition("=")
        path = Path(rest if separator else text)
        wanted = name if separator else _leading_letters(path.name)
        for known in symbol_names:
            if known.casefold() == wanted.casefold():
                return cls(known, path)
        raise SettingsError(
            f"the replay {text} is for a symbol {wanted!r} that the simulated broker does not "
            "have; say which one with NAME=PATH"
        )

    def quotes(self) -> Iterator[ReplayedQuote]:
        """Yield the file's quotes. Raises SettingsError naming the line that makes no sense."""
        try:
            started: datetime | None = None
            for at, bid, ask in self._rows():
                started = started or at
                yield ReplayedQuote((at - started).total_seconds(), bid, ask)
        except OSError as exc:
            raise SettingsError(f"the replay file {self.path} cannot be read: {exc}") from exc
        if started is None:
            raise SettingsError(f"{self.path} holds no quotes")

    def _rows(self) -> Iterator[tuple[datetime, int, int]]:
        if self.path.suffix.casefold() == ".parquet":
            rows, first = parquet_rows(self.path, HEADER), 1
        else:
            rows, first = self._csv_rows(), 2
        for number, row in enumerate(rows, start=first):
            try:
                yield _instant(row[0]), _price(row[1]), _price(row[2])
            except (ValueError, IndexError, InvalidOperation) as exc:
                raise SettingsError(f"{self.path}, line {number}: not a quote") from exc

    def _csv_rows(self) -> Iterator[list[str]]:
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            if next(rows, None) != HEADER:
                raise SettingsError(f"{self.path} does not begin with the line {','.join(HEADER)}")
            yield from rows


def first_quotes(replays: Iterable[Replay]) -> Mapping[str, ReplayedQuote]:
    """Return each replay's first quote by symbol name. Raises SettingsError."""
    return {replay.symbol_name: next(replay.quotes()) for replay in replays}


def _instant(text: str) -> datetime:
    """Return a timestamp; one without a zone is UTC."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _price(text: str) -> int:
    """Return a price in 1/100000; finer digits are cut off, as the real server does."""
    return int(Decimal(text) * PRICE_SCALE)


def _leading_letters(name: str) -> str:
    for index, letter in enumerate(name):
        if not letter.isalpha():
            return name[:index]
    return name

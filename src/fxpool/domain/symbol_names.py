"""Which of an account's symbols a caller means: MetaTrader names <-> the broker's names.

There is no standard: EURUSD, EUR/USD and EURUSD.r are one pair at three brokers, GOLD is XAUUSD. A
name is looked for on a ladder, from what somebody wrote down to what is usual; the first step that
finds anything decides, and if it finds more than one symbol the name is refused. Symbol ids belong
to one broker server, so none is configured. Knows neither files nor messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from fxpool.domain.symbols import LightSymbol
from fxpool.errors import SymbolNotFound

REMEMBERED_NAMES: Final = 1000
"""Names whose symbol is kept: every order says one, most often the same."""

_SEPARATORS: Final = str.maketrans("", "", "/._- ")

PAIR_ALIASES: Final[Sequence[Sequence[str]]] = (
    ("XAUUSD", "GOLD"),
    ("XAGUSD", "SILVER"),
    ("XPTUSD", "PLATINUM"),
    ("XPDUSD", "PALLADIUM"),
    ("BTCUSD", "BITCOIN", "XBTUSD"),
    ("ETHUSD", "ETHEREUM"),
    ("SOLUSD", "SOLANA"),
    ("LTCUSD", "LITECOIN"),
    ("XRPUSD", "RIPPLE"),
)
"""Names of pairs. The first says which assets are traded, and a broker's symbol counts only if it
trades them: GOLD is a mining company's share, too."""

KNOWN_ALIASES: Final[Sequence[Sequence[str]]] = (
    *PAIR_ALIASES,
    ("USOIL", "WTI", "XTIUSD", "WTIUSD", "USOUSD", "CRUDEOIL"),
    ("UKOIL", "BRENT", "XBRUSD", "UKOUSD", "BRENTOIL"),
    ("NATGAS", "XNGUSD", "NGAS"),
    ("US30", "DJ30", "WS30", "DJI30", "DJIA", "WALLSTREET30"),
    ("NAS100", "US100", "USTEC", "USTECH100", "NASDAQ100", "NDX100"),
    ("SPX500", "US500", "SP500"),
    ("US2000", "RUSSELL2000"),
    ("GER40", "DE40", "DAX40", "GER30", "DE30", "DAX30"),
    ("UK100", "FTSE100"),
    ("FRA40", "CAC40", "FR40"),
    ("EU50", "EUSTX50", "STOXX50", "ESTX50"),
    ("JP225", "JPN225", "NIKKEI225", "NI225"),
    ("AUS200", "AU200", "ASX200"),
)
"""Names of one thing; the first is MetaTrader's usual one."""

KNOWN_SUFFIXES: Final = (".cash", ".raw", ".ecn", ".pro", ".std", ".d", ".r", ".m", ".i", "+", "m")
"""What brokers append to a name for an account group. Not ``.c``, ``.f`` and ``_SB``: those are
other contracts."""


@dataclass(frozen=True, slots=True)
class SymbolRule:
    """One entry of the configuration.

    Attributes:
        mt_name: what callers say.
        broker_name: what the broker calls it, None if only ``aliases`` are known.
        multiplier: broker lots = MetaTrader lots * multiplier.
        aliases: further names of it, on either side.
        brokers: the brokers that it is for; empty for all.
    """

    mt_name: str
    broker_name: str | None = None
    multiplier: Decimal = Decimal(1)
    aliases: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()


class MatchedBy(Enum):
    """The step of the ladder that found a symbol."""

    BROKER_RULE = "broker_rule"
    RULE = "rule"
    EQUAL = "equal"
    NORMALISED = "normalised"
    ALIAS = "alias"
    SUFFIX = "suffix"


@dataclass(frozen=True, slots=True)
class SymbolMatch:
    """A symbol that was found for a name.

    Attributes:
        mt_name: the name under which callers are shown the symbol.
    """

    symbol: LightSymbol
    mt_name: str
    multiplier: Decimal
    by: MatchedBy


def plain(name: str) -> str:
    """Return a name without separators and case, to compare it by."""
    return name.translate(_SEPARATORS).casefold()


class SymbolNames:
    """The names of one account's symbols. Disabled symbols have a name but are never found."""

    def __init__(
        self,
        symbols: Iterable[LightSymbol],
        rules: Iterable[SymbolRule] = (),
        *,
        asset_names: Mapping[int, str] = MappingProxyType({}),
        broker: str = "",
        suffix: str = "",
    ) -> None:
        """``broker`` picks the rules written for it; ``suffix`` is what callers append to names.

        ``asset_names``, by id, confirm what a general rule or a pair's alias found; an unknown
        asset does not. A rule for the broker itself needs no confirmation.
        """
        self._asset_names = asset_names
        self._broker, self._suffix, self._all_rules = broker, suffix, tuple(rules)
        self._symbols = {light.symbol_id: light for light in symbols}
        enabled = [light for light in self._symbols.values() if light.enabled]
        self._suffixes = (suffix, *KNOWN_SUFFIXES) if suffix else KNOWN_SUFFIXES
        self._by_name = _index(enabled, str)
        self._by_plain = _index(enabled, plain)
        self._by_stem = _index(enabled, lambda name: plain(self._without_suffix(name)))
        rules = self._all_rules
        of_broker = [r for r in rules if plain(broker) in map(plain, r.brokers)]
        self._broker_rules = _rules_by_name(of_broker)
        self._rules = _rules_by_name([rule for rule in rules if not rule.brokers])
        self._mt_names = self._usual_names([r.mt_name for r in rules])
        self._resolve = lru_cache(REMEMBERED_NAMES)(self._look_up)
        self._enabled_once = lru_cache(REMEMBERED_NAMES)(self._while_enabled)

    def resolve(self, name: str) -> SymbolMatch:
        """Return the symbol that a caller's name means.

        Raises SymbolNotFound, with the nearest names of the account, if none or several answer.
        """
        return self._resolve(name)

    def _look_up(self, name: str) -> SymbolMatch:
        found = self._find(name)
        if found is None:
            found = self._find_without_suffix(name)
        if found is None:
            raise SymbolNotFound(name, self._nearest(name))
        symbol, multiplier, by = found
        return SymbolMatch(symbol, self.mt_name(symbol.symbol_id), multiplier, by)

    def mt_name(self, symbol_id: int) -> str:
        """Return the MetaTrader name of a symbol; the broker's own name where none is mapped.

        Raises SymbolNotFound for an id that the account does not have.
        """
        symbol = self._symbols.get(symbol_id)
        if symbol is None:
            raise SymbolNotFound(f"symbol id {symbol_id}")
        if not symbol.enabled and (match := self._enabled_once(symbol)) is not None:
            return match.mt_name
        return self._usual_name(symbol)

    def multiplier(self, symbol_id: int) -> Decimal:
        """Return broker lots per MetaTrader lot of a symbol, as ``resolve`` would say; of a
        disabled one, as it would say if it were not."""
        symbol = self._symbols.get(symbol_id)
        if symbol is None:
            return Decimal(1)
        if not symbol.enabled:
            match = self._enabled_once(symbol)
            return Decimal(1) if match is None else match.multiplier
        return self.resolve(self.mt_name(symbol_id)).multiplier

    def all(self) -> dict[str, LightSymbol]:
        """Return all symbols, disabled ones too, by the name that callers are shown."""
        return {self._usual_name(light): light for light in self._symbols.values()}

    def _usual_name(self, symbol: LightSymbol) -> str:
        return self._mt_names.get(symbol.symbol_id) or symbol.name

    def _while_enabled(self, symbol: LightSymbol) -> SymbolMatch | None:
        """Return how a disabled symbol was known before: a position that is left on it keeps its
        name and its volume. None where the name means another symbol now."""
        names = SymbolNames(
            [replace(symbol, enabled=True)],
            self._all_rules,
            asset_names=self._asset_names,
            broker=self._broker,
            suffix=self._suffix,
        )
        name = names.mt_name(symbol.symbol_id)
        try:
            match = names.resolve(name)
        except SymbolNotFound:  # a rule gives its name to another symbol
            return None
        try:
            self.resolve(name)
        except SymbolNotFound as exc:
            return None if exc.ambiguous else match
        return None

    # The ladder

    def _find(self, name: str) -> tuple[LightSymbol, Decimal, MatchedBy] | None:
        key = plain(name)
        if (rule := self._broker_rules.get(key)) is not None:
            symbol = self._by_rule(name, rule)
            if symbol is None:  # somebody wrote it down for this very broker: do not guess past it
                raise SymbolNotFound(name, self._nearest(rule.broker_name or name))
            return symbol, rule.multiplier, MatchedBy.BROKER_RULE
        if (rule := self._rules.get(key)) is not None:
            symbol = self._by_rule(name, rule)
            if symbol is not None:
                self._refuse_namesake(name, symbol)
                pair = plain(rule.mt_name)
                if plain(symbol.name) != pair and not self._confirmed(pair, [symbol]):
                    raise SymbolNotFound(name, (symbol.name,))
                return symbol, rule.multiplier, MatchedBy.RULE
            if rule.multiplier != 1:  # the factor is for a symbol that this account does not have
                raise SymbolNotFound(name, self._nearest(rule.broker_name or name))
        steps = (
            (self._by_name.get(name), MatchedBy.EQUAL),
            (self._by_plain.get(key), MatchedBy.NORMALISED),
            (self._by_alias(key), MatchedBy.ALIAS),
        )
        for symbols, by in steps:
            if symbols:
                return _only(name, symbols), Decimal(1), by
        return None

    def _find_without_suffix(self, name: str) -> tuple[LightSymbol, Decimal, MatchedBy] | None:
        stem = self._without_suffix(name)
        if stem != name and (found := self._find(stem)) is not None:
            return found[0], found[1], MatchedBy.SUFFIX
        own = plain(stem)
        for key in _also_known_as(own):
            symbols = self._by_stem.get(key, [])
            if key != own:
                symbols = self._confirmed(own, symbols)
            if symbols:
                return _only(name, symbols), Decimal(1), MatchedBy.SUFFIX
        return None

    def _by_rule(self, name: str, rule: SymbolRule) -> LightSymbol | None:
        for candidate in filter(None, (rule.broker_name, *rule.aliases)):
            symbols = self._by_name.get(candidate) or self._by_plain.get(plain(candidate))
            if symbols:
                return _only(name, symbols)
        return None

    def _refuse_namesake(self, name: str, symbol: LightSymbol) -> None:
        """A general rule may meet a broker where it names another thing (GOLD is a stock, too):
        refuse if the broker has a symbol of the caller's own name that trades other assets."""
        for other in self._by_name.get(name, ()):
            if _assets(other) != _assets(symbol):
                raise SymbolNotFound(name, (other.name, symbol.name), ambiguous=True)

    def _by_alias(self, key: str) -> list[LightSymbol]:
        named = [light for alias in _also_known_as(key) for light in self._by_plain.get(alias, ())]
        return self._confirmed(key, named)

    def _confirmed(self, key: str, symbols: Sequence[LightSymbol]) -> list[LightSymbol]:
        """Those symbols that trade the assets of the pair ``key``; all if ``key`` is no pair."""
        pair = _PAIR_OF.get(key)
        if pair is None:
            return list(symbols)
        return [
            light
            for light in symbols
            if self._asset(light.base_asset_id) in pair.bases
            and self._asset(light.quote_asset_id) == pair.quote
        ]

    def _asset(self, asset_id: int) -> str:
        return plain(self._asset_names.get(asset_id, ""))

    def _without_suffix(self, name: str) -> str:
        for suffix in self._suffixes:
            if name.endswith(suffix) and len(name) > len(suffix):
                return name.removesuffix(suffix)
        return name

    # The way back

    def _usual_names(self, configured: Sequence[str]) -> dict[int, str]:
        """The MetaTrader names of symbols: configured ones, well-known ones, pairs with a slash."""
        pairs = [s.name.replace("/", "") for s in self._symbols.values() if "/" in s.name]
        names: dict[int, str] = {}
        for name in (*configured, *(group[0] for group in KNOWN_ALIASES), *pairs):
            try:
                found = self._find(name) or self._find_without_suffix(name)
            except SymbolNotFound:
                continue
            if found is not None:
                names.setdefault(found[0].symbol_id, name)
        return names

    def _nearest(self, name: str) -> tuple[str, ...]:
        """Symbols that an alias leads to and nothing confirms, then those of similar names."""
        aliases = _also_known_as(plain(self._without_suffix(name)))
        similar = get_close_matches(plain(name), list(self._by_plain), n=5, cutoff=0.6)
        found = [
            *(light.name for key in aliases for light in self._by_stem.get(key, ())),
            *(light.name for key in similar for light in self._by_plain[key]),
        ]
        return tuple(dict.fromkeys(found))


def _index(
    symbols: Iterable[LightSymbol], key: Callable[[str], str]
) -> dict[str, list[LightSymbol]]:
    index: dict[str, list[LightSymbol]] = {}
    for light in symbols:
        index.setdefault(key(light.name), []).append(light)
    return index


def _rules_by_name(rules: Iterable[SymbolRule]) -> dict[str, SymbolRule]:
    """Rules by what callers say; a name of its own counts more than an alias of another rule."""
    by_name: dict[str, SymbolRule] = {}
    for rule in rules:
        for alias in rule.aliases:
            by_name.setdefault(plain(alias), rule)
    return by_name | {plain(rule.mt_name): rule for rule in rules}


_GROUP_OF: Final = {
    plain(name): tuple(map(plain, group)) for group in KNOWN_ALIASES for name in group
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """What the assets of a pair may be called, in plain words."""

    bases: frozenset[str]
    quote: str


def _pair(group: Sequence[str]) -> _Pair:
    quote = group[0][3:]
    return _Pair(frozenset(plain(name.removesuffix(quote)) for name in group), plain(quote))


_PAIR_OF: Final = {plain(name): _pair(group) for group in PAIR_ALIASES for name in group}


def _also_known_as(key: str) -> tuple[str, ...]:
    return _GROUP_OF.get(key, (key,))


def _assets(symbol: LightSymbol) -> tuple[int, int]:
    return symbol.base_asset_id, symbol.quote_asset_id


def _only(name: str, symbols: Sequence[LightSymbol]) -> LightSymbol:
    if len(symbols) > 1:
        raise SymbolNotFound(name, tuple(light.name for light in symbols), ambiguous=True)
    return symbols[0]

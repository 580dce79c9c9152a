"""Curves as SVG paths with their axes. Pure arithmetic; the page gives them their look.

A drawing is WIDTH by HEIGHT and stretched by the page, so labels are not in it: an axis is a list
of places in percent with their texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WIDTH: Final = 1000
HEIGHT: Final = 240
STEPS: Final = 4
"""About how many lines a scale has."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in percent from the left or from the top."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A path and the class that gives it its look."""

    look: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves on one pair of axes; ``shades`` are stretches (left, width) in percent."""

    curves: list[Curve]
    across: list[Tick]
    up: list[Tick]
    shades: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chart shows: a stretch of time in seconds, and a range of values."""

    begin: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        """Return where an instant is, from 0 to WIDTH."""
        return round((at - self.begin) / max(1e-9, self.end - self.begin) * WIDTH, 1)

    def y(self, value: float) -> float:
        """Return where a value is, from HEIGHT up to 0."""
        return round((self.high - value) / max(1e-9, self.high - self.low) * HEIGHT, 1)


def stepped(frame: Frame, points: Sequence[Point]) -> str:
    """Return the path of what holds until it changes."""
    (at, value), *rest = points
    parts = [f"M{frame.x(at):g} {frame.y(value):g}"]
    parts += [f"H{frame.x(at):g}V{frame.y(value):g}" for at, value in rest]
    return "".join(parts)


def joined(frame: Frame, points: Sequence[Point], gaps: Sequence[tuple[float, float]]) -> str:
    """Return the path through points, broken where a gap lies between two of them."""
    parts: list[str] = []
    for run in _runs(points, gaps):
        (at, value), *rest = run
        parts.append(f"M{frame.x(at):g} {frame.y(value):g}")
        parts += [f"L{frame.x(at):g} {frame.y(value):g}" for at, value in rest or [(at, value)]]
    return "".join(parts)


def filled(frame: Frame, points: Sequence[Point]) -> str:
    """Return the area between points and 0."""
    line = "".join(f"L{frame.x(at):g} {frame.y(value):g}" for at, value in points)
    first, last, zero = frame.x(points[0][0]), frame.x(points[-1][0]), frame.y(0.0)
    return f"M{first:g} {zero:g}{line}L{last:g} {zero:g}Z"


def scale(low: float, high: float) -> tuple[float, float, float]:
    """Return a range that holds both values and ends on round numbers, and its step."""
    if high - low < 1e-9:
        margin = abs(high) * 0.01 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def value_axis(low: float, high: float, step: float, label: Callable[[float], str]) -> list[Tick]:
    """Return the lines of a scale, the lowest first."""
    count = round((high - low) / step)
    return [Tick((count - n) / count * 100, label(low + n * step)) for n in range(count + 1)]


def time_axis(begin: datetime, end: datetime) -> list[Tick]:
    """Return a few instants of a period, written as its length wants it."""
    length = end - begin
    if length <= timedelta(minutes=10):
        form = "%H:%M:%S"
    elif length <= timedelta(days=2):
        form = "%H:%M"
    elif length <= timedelta(days=200):
        form = "%d %b"
    else:
        form = "%b %Y"
    return [Tick(n * 25.0, (begin + length * n / 4).strftime(form)) for n in range(5)]


def _runs(points: Sequence[Point], gaps: Sequence[tuple[float, float]]) -> Iterator[list[Point]]:
    run: list[Point] = []
    waiting = list(gaps)
    for point in points:
        while waiting and waiting[0][1] <= point[0]:
            if run and run[-1][0] <= waiting[0][0]:
                yield run
                run = []
            waiting.pop(0)
        run.append(point)
    if run:
        yield run

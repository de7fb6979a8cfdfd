"""Test programmes: what a cycler would be told, as values, and the usual programmes made of them.

A step is written as on paper, in the language of PyBaMM's experiments::

    Charge at C/10 until 4.8 V
    Discharge at 25 mA/g until 2.0 V or 12 h
    Hold at 4.8 V until C/50
    Rest for 30 minutes
    Discharge at 1C for 10 s

1C is a specific current that the programme states (mA/g); it is never assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lirich.errors import SettingsError, UnknownNameError

Mode = Literal["charge", "discharge", "hold", "rest"]

_SECONDS = {"s": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0, "day": 86400.0}
_NUMBER = r"([0-9]+(?:\.[0-9]*)?(?:e-?[0-9]+)?)"
_RATE = re.compile(rf"^(?:C\s*/\s*{_NUMBER}|{_NUMBER}\s*C)$", re.IGNORECASE)
_SPECIFIC = re.compile(rf"^{_NUMBER}\s*mA\s*/\s*g$", re.IGNORECASE)
_VOLTAGE = re.compile(rf"^{_NUMBER}\s*V$", re.IGNORECASE)
_TIME = re.compile(rf"^{_NUMBER}\s*([a-z]+?)s?$", re.IGNORECASE)
LONGEST_S = 60 * 86400.0
"""A step that nothing ends before this is refused by the simulation."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: currents in mA per g of active mass (positive), voltages in V, times in s.

    A *charge* or *discharge* has ``current_ma_g`` and ends at ``until_voltage_v`` or after ``until_s``; a *hold* keeps
    ``voltage_v`` until the current has fallen to ``until_current_ma_g`` or after ``until_s``; a *rest* takes
    ``until_s``.
    ``every_s`` is the longest time between two recorded points. Steps of one *cycle* (from 1) belong together. When a
    charge or discharge of a *block* (from 1; 0 is none) has reached its voltage, the simulation leaves out what is left
    of the block, as a cycler does with a loop.
    """

    mode: Mode
    current_ma_g: float = 0.0
    voltage_v: float = 0.0
    until_voltage_v: float | None = None
    until_current_ma_g: float | None = None
    until_s: float | None = None
    every_s: float | None = None
    cycle: int = 1
    block: int = 0

    def __post_init__(self) -> None:
        if self.mode in ("charge", "discharge") and not self.current_ma_g > 0:
            raise SettingsError(f"A {self.mode} at {self.current_ma_g:g} mA/g", expected="a current above 0")
        ends = (self.until_voltage_v, self.until_current_ma_g, self.until_s)
        if all(end is None for end in ends):
            raise SettingsError(f"A {self.mode} that nothing ends", expected="until a voltage, a current or a time")
        if self.until_s is not None and not 0 < self.until_s <= LONGEST_S:
            raise SettingsError(f"A step of {self.until_s:g} s", expected=f"more than 0 and at most {LONGEST_S:g} s")


@dataclass(frozen=True, slots=True)
class Programme:
    """Steps in order, and the specific current (mA/g) that 1C means in them."""

    steps: tuple[Step, ...]
    one_c_ma_g: float

    def __add__(self, other: Programme) -> Programme:
        """Put another programme behind; its cycles count on."""
        if other.one_c_ma_g != self.one_c_ma_g:
            raise SettingsError(
                f"1C is {self.one_c_ma_g:g} in one programme and {other.one_c_ma_g:g} mA/g in the other"
            )
        last, blocks = max(step.cycle for step in self.steps), max(step.block for step in self.steps)
        behind = (replace(s, cycle=s.cycle + last, block=s.block + blocks if s.block else 0) for s in other.steps)
        return Programme((*self.steps, *behind), self.one_c_ma_g)

    @property
    def cycles(self) -> int:
        """The number of cycles."""
        return max(step.cycle for step in self.steps)


def parse(lines: Iterable[str | Sequence[str]], one_c_ma_g: float, *, repeat: int = 1) -> Programme:
    """Read a programme: each entry is a cycle, a line or a sequence of lines. Raises `SettingsError`."""
    once: list[tuple[str, ...]] = [(entry,) if isinstance(entry, str) else tuple(entry) for entry in lines]
    steps = [
        replace(parse_step(line, one_c_ma_g), cycle=number)
        for number, cycle in enumerate(once * repeat, start=1)
        for line in cycle
    ]
    if not steps:
        raise SettingsError("The programme has no steps", expected="lines such as 'Charge at C/10 until 4.8 V'")
    return Programme(tuple(steps), one_c_ma_g)


def check_turns(programme: Programme, low_v: float, high_v: float) -> None:
    """Refuse steps that end where they begin, in a cell whose cut-offs are *low_v* and *high_v*.

    A charge that ends below the cut-off and below every discharge, a discharge that ends above the other and above
    every charge, and one that ends at the voltage of the charge before it or beyond it (or the reverse), would end at
    once. Raises `SettingsError`.
    """
    ends = {mode: [s.until_voltage_v for s in programme.steps if s.mode == mode] for mode in ("charge", "discharge")}
    floor = min([low_v, *(v for v in ends["discharge"] if v is not None)])
    ceiling = max([high_v, *(v for v in ends["charge"] if v is not None)])
    before: Step | None = None
    for step in programme.steps:
        limit = step.until_voltage_v
        if step.mode in ("hold", "rest"):
            before = before if step.mode == "rest" else None
            continue
        if limit is not None:
            up = step.mode == "charge"
            if limit < floor if up else limit > ceiling:
                raise SettingsError(
                    f"A {step.mode} until {limit:g} V, {'below' if up else 'above'} the cell's window, ends at once",
                    expected=f"a {step.mode} that ends between {floor:g} and {ceiling:g} V",
                )
            last = before.until_voltage_v if before is not None and before.mode != step.mode else None
            if (
                before is not None
                and before.until_s is None
                and last is not None
                and (limit <= last if up else limit >= last)
            ):
                raise SettingsError(
                    f"A {step.mode} until {limit:g} V behind a {before.mode} until {last:g} V ends at once",
                    expected="a charge that ends above the discharge before it, or the reverse",
                )
        before = step


def parse_step(line: str, one_c_ma_g: float) -> Step:
    """Read one step as it is written on paper. Raises `SettingsError`."""
    words = " ".join(line.split())
    found = re.fullmatch(
        r"(charge|discharge|hold|rest)(?: at (.+?))?(?: for (.+?))?(?: until (.+?))?", words, re.IGNORECASE
    )
    if not found:
        raise SettingsError(
            f"The step {line!r} is not understood",
            expected="such as 'Charge at C/10 until 4.8 V', 'Hold at 4.8 V until C/50', 'Rest for 1 h'",
        )
    mode, at, time, until = found.groups()
    mode = mode.lower()
    ends: dict[str, float] = {}
    for end in [*([f"{time}"] if time else []), *(re.split(r" or ", until, flags=re.IGNORECASE) if until else [])]:
        name, value = _end(end.strip(), one_c_ma_g, line)
        ends[name] = value
    if mode == "rest":
        return Step("rest", **ends)  # type: ignore[arg-type]
    if at is None:
        raise SettingsError(f"The step {line!r} does not say at what", expected="'at C/10', 'at 25 mA/g' or 'at 4.8 V'")
    if mode == "hold":
        voltage = _VOLTAGE.match(at)
        if not voltage:
            raise SettingsError(f"{at!r} in {line!r} is no voltage", expected="such as 4.8 V")
        return Step("hold", voltage_v=float(voltage.group(1)), **ends)  # type: ignore[arg-type]
    return Step(mode, current_ma_g=specific_current(at, one_c_ma_g), **ends)  # type: ignore[arg-type]


def specific_current(text: str, one_c_ma_g: float) -> float:
    """Read a rate (``C/10``, ``2C``) or a specific current (``25 mA/g``) as mA/g. Raises `SettingsError`."""
    rate, specific = _RATE.match(text.strip()), _SPECIFIC.match(text.strip())
    if specific:
        return float(specific.group(1))
    if not rate:
        raise SettingsError(f"{text!r} is no rate", expected="such as C/10, 2C or 25 mA/g")
    over, times = rate.groups()
    if over is not None and float(over) == 0.0:
        raise SettingsError(f"{text!r} is no rate", expected="C over a number above 0")
    return one_c_ma_g / float(over) if over is not None else one_c_ma_g * float(times)


def _end(text: str, one_c_ma_g: float, line: str) -> tuple[str, float]:
    voltage, time = _VOLTAGE.match(text), _TIME.match(text)
    if voltage:
        return "until_voltage_v", float(voltage.group(1))
    if _RATE.match(text) or _SPECIFIC.match(text):
        return "until_current_ma_g", specific_current(text, one_c_ma_g)
    if time and time.group(2).lower() in _SECONDS:
        return "until_s", float(time.group(1)) * _SECONDS[time.group(2).lower()]
    raise SettingsError(
        f"{text!r} in {line!r} ends no step", expected="a voltage (4.8 V), a rate (C/50) or a time (2 h)"
    )


# --- the usual programmes -------------------------------------------------------------------------------------------


def cycling(
    rates: Sequence[str],
    *,
    one_c_ma_g: float,
    low_v: float = 2.0,
    high_v: float = 4.8,
    hold_until: str | None = None,
    rest_s: float = 0.0,
    charge_rate: str | None = None,
) -> Programme:
    """Return a cycle per entry of *rates*, charge first, between two voltages; charges may have a rate of their own."""
    cycles = []
    for rate in rates:
        lines = [f"Charge at {charge_rate or rate} until {high_v:g} V"]
        if hold_until:
            lines.append(f"Hold at {high_v:g} V until {hold_until}")
        if rest_s:
            lines.append(f"Rest for {rest_s:g} s")
        lines.append(f"Discharge at {rate} until {low_v:g} V")
        if rest_s:
            lines.append(f"Rest for {rest_s:g} s")
        cycles.append(lines)
    return parse(cycles, one_c_ma_g)


def ageing(
    cycles: int,
    rate: str,
    *,
    one_c_ma_g: float,
    formation: int = 2,
    check_up_every: int = 0,
    slow_rate: str = "C/10",
    low_v: float = 2.0,
    high_v: float = 4.8,
) -> Programme:
    """Return formation at *slow_rate*, then *cycles* at *rate*, with a slow check-up cycle after every so many."""
    rates = [slow_rate] * formation
    for number in range(1, cycles + 1):
        rates.append(rate)
        if check_up_every and number % check_up_every == 0 and number < cycles:
            rates.append(slow_rate)
    return cycling(rates, one_c_ma_g=one_c_ma_g, low_v=low_v, high_v=high_v)


def pulses(
    direction: Literal["charge", "discharge"],
    *,
    rate: str,
    pulse_s: float,
    rest_s: float,
    one_c_ma_g: float,
    until_voltage_v: float,
    count: int,
    every_s: float = 1.0,
) -> Programme:
    """Return *count* pulses of current, each with a rest behind it: GITT with long rests, ICI with short ones.

    A pulse ends at *until_voltage_v* too; what follows then are pulses that end at once.
    """
    current = specific_current(rate, one_c_ma_g)
    pulse = Step(direction, current_ma_g=current, until_voltage_v=until_voltage_v, until_s=pulse_s, every_s=every_s)
    return Programme((pulse, Step("rest", until_s=rest_s, every_s=every_s)) * count, one_c_ma_g)


def rate_test(
    rates: Sequence[str] = ("C/10", "C/5", "C/2", "1C", "2C", "5C"),
    *,
    one_c_ma_g: float,
    charge_rate: str = "C/10",
    repeats: int = 2,
    formation: int = 2,
    low_v: float = 2.0,
    high_v: float = 4.8,
) -> Programme:
    """Return formation at *charge_rate*, then *repeats* cycles per discharge rate, and the first rate once more.

    Every charge is at *charge_rate*, so that every discharge starts from the same state.
    """
    listed = [charge_rate] * formation + [rate for rate in (*rates, rates[0]) for _ in range(repeats)]
    return cycling(listed, one_c_ma_g=one_c_ma_g, low_v=low_v, high_v=high_v, charge_rate=charge_rate)


@dataclass(frozen=True, slots=True)
class Interrupts:
    """What tells a GITT from an ICI: how long pulses and rests are, and how often both are recorded, s.

    ``rest_every_s`` of ``None`` records a rest ever more rarely.
    """

    pulse_s: float
    rest_s: float
    pulse_every_s: float
    rest_every_s: float | None


GITT = Interrupts(pulse_s=300.0, rest_s=14400.0, pulse_every_s=5.0, rest_every_s=None)
"""Pulses of 300 s, each followed by 4 h of rest."""
ICI = Interrupts(pulse_s=300.0, rest_s=10.0, pulse_every_s=10.0, rest_every_s=0.5)
"""A current that is interrupted for 10 s every 300 s."""


def interrupted(
    kind: Interrupts,
    *,
    one_c_ma_g: float,
    rate: str = "C/10",
    formation: int = 1,
    low_v: float = 2.0,
    high_v: float = 4.8,
) -> Programme:
    """Return *formation* cycles at *rate*, then one charge and one discharge in pulses, a block each: `GITT`, `ICI`.

    With ``dataclasses.replace(GITT, rest_s=…)`` pulses and rests are your own.
    """
    current = specific_current(rate, one_c_ma_g)
    # 500 mAh/g is more than any lithium-rich oxide holds
    count = int(500.0 * 3600.0 / (current * kind.pulse_s)) + 1
    steps: list[Step] = []
    directions: tuple[tuple[Literal["charge", "discharge"], float], ...] = (("charge", high_v), ("discharge", low_v))
    for block, (mode, limit) in enumerate(directions, start=1):
        pulse = Step(
            mode,
            current_ma_g=current,
            until_voltage_v=limit,
            until_s=kind.pulse_s,
            every_s=kind.pulse_every_s,
            block=block,
        )
        steps += [pulse, Step("rest", until_s=kind.rest_s, every_s=kind.rest_every_s, block=block)] * count
    whole = Programme(tuple(steps), one_c_ma_g)
    return (
        cycling([rate] * formation, one_c_ma_g=one_c_ma_g, low_v=low_v, high_v=high_v) + whole if formation else whole
    )


NAMES = ("cycling", "ageing", "rate-test", "gitt", "ici")
"""The programmes that `named` knows."""


def named(
    name: str,
    *,
    one_c_ma_g: float,
    cycles: int | None = None,
    rate: str | None = None,
    low_v: float = 2.0,
    high_v: float = 4.8,
    check_up_every: int = 0,
) -> Programme:
    """Return a usual programme by name: one of `NAMES`.

    *cycles* (3 of ``cycling``, 100 of ``ageing``) and *rate* (C/10; C/2 of ``ageing``) are its own; *check_up_every*
    is that of ``ageing``. Raises `UnknownNameError`, and `SettingsError` where a number of cycles is asked of a
    programme that has none.
    """
    if name not in NAMES:
        raise UnknownNameError.of("programme", name, NAMES)
    if cycles is not None and (name not in ("cycling", "ageing") or cycles < 1):
        raise SettingsError(f"{cycles} cycles of {name}", expected="1 or more cycles, of cycling or ageing")
    if check_up_every and name != "ageing":
        raise SettingsError(f"Check-ups in {name}", expected="check-ups in ageing only")
    if not low_v < high_v:
        raise SettingsError(
            f"A window of {low_v:g} to {high_v:g} V", expected="a lower voltage limit below the upper one"
        )
    limits: dict[str, Any] = {"one_c_ma_g": one_c_ma_g, "low_v": low_v, "high_v": high_v}
    if name == "cycling":
        return cycling([rate or "C/10"] * (cycles or 3), **limits)
    if name == "ageing":
        return ageing(cycles or 100, rate or "C/2", check_up_every=check_up_every, **limits)
    if name == "rate-test":
        return rate_test(charge_rate=rate or "C/10", **limits)
    return interrupted(GITT if name == "gitt" else ICI, rate=rate or "C/10", **limits)

"""What each part of a test was for: formation, rate test, ageing, check-up, GITT, ICI, pulses, pseudo-OCV, rest.

Every cycle has one purpose (column ``segment`` of the cycle table); rests, constant-voltage parts, interrupts and
slow cycles are shown beside it. Each segment says why it was taken for what it is, and the user can overrule it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from lirich.cycling.annotation import Annotation
from lirich.cycling.likeness import Key, keys_of
from lirich.cycling.purposes import Purpose, counted, purposes_of_leftovers, purposes_of_ordinary, slow_cycles
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.stops import Stops, stops_of
from lirich.errors import InputError, UnknownNameError
from lirich.model import Finding, Frozen, Severity
from lirich.model.notebook import InNotebook

Kind = Literal[
    "formation", "rate_test", "ageing", "check_up", "gitt", "ici", "pulse", "pseudo_ocv", "conditioning", "other",
    "rest", "cv",
]  # fmt: skip


class Segment(InNotebook, Frozen):
    """A stretch of cycles of one kind. ``purpose`` is False for what is shown beside the purpose of its cycles.

    ``group`` names cycles at one rate and window: cycles of two segments with one group may be compared.
    """

    kind: Kind
    first_cycle: int
    last_cycle: int
    reason: str
    purpose: bool = True
    source: Literal["detected", "user"] = "detected"
    group: int | None = None
    start_second: float | None = None
    end_second: float | None = None
    charge_current_ma: float | None = None
    discharge_current_ma: float | None = None
    voltage_upper_v: float | None = None
    voltage_lower_v: float | None = None

    def told(self) -> dict[str, str]:
        """Return the segment in words, by the heads of a table."""
        one = self.first_cycle == self.last_cycle
        return {
            "protocol": self.kind.replace("_", " "),
            "cycles": str(self.first_cycle) if one else f"{self.first_cycle}–{self.last_cycle}",
            "said by": "you" if self.source == "user" else "",
            "why": self.reason,
        }

    def __str__(self) -> str:
        told = self.told()
        return f"{told['protocol']}, cycle{'' if told['cycles'].isdecimal() else 's'} {told['cycles']}: {told['why']}"


def correction(first: int, last: int, kind: str) -> Correction:
    """Return the user's word on the cycles *first* to *last*.

    Raises `UnknownNameError` on the kind, `InputError` on the range.
    """
    for known in get_args(Purpose):
        if known == kind.strip().casefold().replace("-", "_").replace(" ", "_"):
            break
    else:
        raise UnknownNameError.of("kind of cycles", kind, get_args(Purpose))
    if first < 0:
        raise InputError(f"There is no cycle {first}", expected="cycles from 0 on", advice="Say it as 1-3")
    if last < first:
        raise InputError(
            f"Cycles {first} to {last} are upside down", expected="the first cycle first", advice=f"Say {last}-{first}"
        )
    return Correction(first_cycle=first, last_cycle=last, kind=known)


class Correction(Frozen):
    """The user's word on what cycles are for: *cycles first to last are kind*. Later corrections win."""

    first_cycle: int = Field(ge=0)
    last_cycle: int = Field(ge=0)
    kind: Purpose
    note: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_cycle > self.last_cycle:
            raise ValueError(f"cycles {self.first_cycle} to {self.last_cycle} are upside down")
        return self


@dataclass(frozen=True, slots=True)
class Protocol:
    """Purpose, conditions and like-group of every cycle of the cycle table, in its order; segments; stopped halves."""

    purposes: tuple[Purpose, ...]
    keys: tuple[Key, ...]
    groups: tuple[int | None, ...]
    segments: tuple[Segment, ...]
    stops: tuple[Stops, ...]
    findings: tuple[Finding, ...]


def detect(
    notes: Annotation,
    cycles: pl.DataFrame,
    *,
    corrections: Sequence[Correction] = (),
    settings: CyclingSettings | None = None,
) -> Protocol:
    """Find the protocol of an annotated test from its cycle table, and apply the user's *corrections* to it."""
    settings = settings or CyclingSettings()
    numbers = cycles["cycle"].to_list()
    stops = stops_of(notes, settings)
    by_cycle: dict[int, list[Stops]] = {n: [] for n in numbers}
    for stop in stops:
        by_cycle[stop.cycle].append(stop)
    keys, groups = keys_of(cycles, [any(s.kind == "ici" for s in by_cycle[n]) for n in numbers], settings)
    why: list[tuple[Purpose, str]] = [("other", "too few like cycles to tell their purpose")] * len(numbers)
    ordinary = []
    for i, number in enumerate(numbers):
        special = next((s for s in by_cycle[number] if s.kind in ("gitt", "pulse")), None)
        if number == 0:
            why[i] = ("conditioning", "before the first full cycle")
        elif special is not None:
            why[i] = (special.kind, special.reason)
        elif cycles["complete"][i]:
            ordinary.append(i)
    purposes_of_ordinary(ordinary, keys, groups, why, settings)
    purposes_of_leftovers(why, cycles, by_cycle, settings)
    detected = [w[0] for w in why]
    findings = apply_corrections(why, numbers, corrections, cycles["cycle_number"].to_list())
    user = [d != w[0] or "by the user" in w[1] for d, w in zip(detected, why, strict=True)]
    segments = _purpose_segments(why, keys, groups, user, cycles, settings)
    shown = _interrupt_segments(by_cycle, cycles) + _slow_segments(cycles, by_cycle, settings)
    purposes = dict(zip(numbers, (w[0] for w in why), strict=True))
    for segment in shown:
        inside = [purposes[n] for n in numbers if segment.first_cycle <= n <= segment.last_cycle]
        if any(purpose != segment.kind for purpose in inside):
            segments.append(segment)
    segments += _held_segments(cycles)
    segments += _rest_segments(notes, settings)
    segments.sort(key=lambda s: (not s.purpose, s.first_cycle, s.kind, s.start_second or 0.0))
    return Protocol(
        purposes=tuple(w[0] for w in why),
        keys=tuple(keys),
        groups=tuple(groups),
        segments=tuple(segments),
        stops=tuple(stops),
        findings=tuple(findings),
    )


def apply_corrections(
    why: list[tuple[Purpose, str]],
    numbers: Sequence[int],
    corrections: Sequence[Correction],
    counted: Sequence[int] | None = None,
) -> list[Finding]:
    """Overwrite purpose and reason of the cycles that *corrections* name; return what could not be applied.

    *numbers* are those of the file, which corrections go by, *counted* those of the cycler, which values go by.
    """
    findings = []
    there = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
    if counted and list(counted) != list(numbers):
        there += f" (cycles {counted[0]} to {counted[-1]} by the cycler's count, which values and reports go by)"
    for correction in corrections:
        hit = [i for i, n in enumerate(numbers) if correction.first_cycle <= n <= correction.last_cycle]
        for i in hit:
            note = f": {correction.note}" if correction.note else ""
            why[i] = (correction.kind, f"set by the user{note}")
        if hit and not (numbers[0] <= correction.first_cycle and correction.last_cycle <= numbers[-1]):
            findings.append(
                Finding(
                    code="correction-beyond-test",
                    severity=Severity.INFO,
                    message=f"A correction calls cycles {correction.first_cycle} to {correction.last_cycle} "
                    f"{correction.kind}; the test has {there}, and the others will be that too once it has them",
                    advice="To take it back: lirich cells NAME --clear-segments",
                )
            )
        if not hit:
            findings.append(
                Finding(
                    code="correction-without-cycles",
                    message=f"A correction names cycles {correction.first_cycle} to {correction.last_cycle}, which "
                    f"the test does not have; it has {there}",
                    advice="Take it back (lirich cells NAME --clear-segments), or name cycles as lirich cells NAME "
                    "lists them",
                )
            )
    return findings


def _purpose_segments(
    why: list[tuple[Purpose, str]],
    keys: Sequence[Key],
    groups: list[int | None],
    user: list[bool],
    cycles: pl.DataFrame,
    settings: CyclingSettings,
) -> list[Segment]:
    segments: list[Segment] = []
    holds: dict[tuple[Purpose, str], list[int]] = {}
    for i, (each, complete) in enumerate(zip(why, cycles["complete"], strict=True)):
        if complete:
            holds.setdefault(each, []).append(i)
    start = 0
    for i in range(1, len(why) + 1):
        new = i == len(why) or why[i] != why[start] or user[i] != user[start]
        # ageing at another rate is another segment, and so is each check-up
        if not new and why[start][0] in ("ageing", "check_up"):
            new = groups[i] is not None and groups[start] is not None and groups[i] != groups[start]
        if not new:
            continue
        part = cycles[start:i]
        in_all = holds.get(why[start], [])
        here = [k for k in in_all if start <= k < i]
        reason = why[start][1] if user[start] else counted(why[start][1], here, in_all, keys, groups, settings)
        group = groups[start] if len(set(groups[start:i]) - {None}) <= 1 else None
        segments.append(
            Segment(
                kind=why[start][0],
                first_cycle=part["cycle"][0],
                last_cycle=part["cycle"][-1],
                reason=reason,
                source="user" if user[start] else "detected",
                group=group,
                charge_current_ma=_median(part, "charge_current_ma"),
                discharge_current_ma=_median(part, "discharge_current_ma"),
                voltage_upper_v=_median(part, "charge_end_voltage_v"),
                voltage_lower_v=_median(part, "discharge_end_voltage_v"),
                **_time_span(part),
            )
        )
        start = i
    return segments


def _median(part: pl.DataFrame, column: str) -> float | None:
    value = part[column].median()
    return float(value) if isinstance(value, int | float) else None


def _time_span(part: pl.DataFrame) -> dict[str, float | None]:
    begin, length = part["start_second"][0], part["duration_second"][-1]
    end = None if length is None else part["start_second"][-1] + length
    return {"start_second": begin, "end_second": end}


def _stretches(flags: Sequence[bool]) -> list[tuple[int, int]]:
    found, start = [], None
    for i, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = i
        elif not flag and start is not None:
            found.append((start, i))
            start = None
    return found


def _beside(kind: Kind, reasons: Sequence[str | None], cycles: pl.DataFrame) -> list[Segment]:
    """Return the stretches of cycles that have a reason, each with that of its first cycle."""
    return [
        Segment(
            kind=kind, first_cycle=cycles["cycle"][a], last_cycle=cycles["cycle"][b - 1], reason=reasons[a] or "",
            purpose=False, **_time_span(cycles[a:b]),
        )
        for a, b in _stretches([reason is not None for reason in reasons])
    ]  # fmt: skip


def _interrupt_segments(by_cycle: dict[int, list[Stops]], cycles: pl.DataFrame) -> list[Segment]:
    segments = []
    for kind in ("ici", "gitt", "pulse"):
        reasons = [next((s.reason for s in by_cycle[n] if s.kind == kind), None) for n in cycles["cycle"]]
        segments += _beside(kind, reasons, cycles)
    return segments


def _slow_segments(cycles: pl.DataFrame, by_cycle: dict[int, list[Stops]], settings: CyclingSettings) -> list[Segment]:
    reasons = slow_cycles(cycles, by_cycle, settings)
    hours = cycles.select(
        pl.min_horizontal("charge_duration_second", "discharge_duration_second").fill_null(float("inf"))
    ).to_series()
    for a, b in _stretches([reason is not None for reason in reasons]):
        reasons[a] = reasons[min(range(a, b), key=lambda i: hours[i])]  # *or more*: of all cycles of the stretch
    return _beside("pseudo_ocv", reasons, cycles)


_LEAST_HELD = 0.1  # % of the charge: below, one row of a recorded end looks like a hold. A choice of lirich


def _held_segments(cycles: pl.DataFrame) -> list[Segment]:
    why = "charges end at a held voltage while the current falls"
    return _beside("cv", [why if (s or 0.0) > _LEAST_HELD else None for s in cycles["constant_voltage_share"]], cycles)


def _rest_segments(notes: Annotation, settings: CyclingSettings) -> list[Segment]:
    time, steps = notes.points.time_s, notes.steps
    if time is None:
        return []
    last = steps.stop - 1
    begin = time[np.maximum(steps.start - 1, 0)]
    long = np.flatnonzero((steps.sign == 0) & (time[last] - begin >= settings.long_rest_s))
    owner = notes.half_cycle[notes.step_half[long]]
    segments = []
    for number in np.unique(owner):
        mine = long[owner == number]
        hours = (time[last[mine]] - begin[mine]) / 3600.0
        times = f"{len(mine)} rests of " if len(mine) > 1 else "rest of "
        low, high = hours.min(), hours.max()
        span = f"{low:.3g} h" if high < 1.05 * low else f"{low:.3g} to {high:.3g} h"
        segments.append(
            Segment(
                kind="rest", first_cycle=int(number), last_cycle=int(number), reason=times + span, purpose=False,
                start_second=float(begin[mine[0]]), end_second=float(time[last[mine[-1]]]),
            )
        )  # fmt: skip
    return segments

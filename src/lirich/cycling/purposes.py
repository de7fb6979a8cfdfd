"""What ordinary cycles are for, told from how their rates and windows follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import numpy as np
import polars as pl

from lirich.cycling.likeness import Key
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.stops import Stops
from lirich.model.format import format_number

Purpose = Literal[
    "formation", "rate_test", "ageing", "check_up", "gitt", "ici", "pulse", "pseudo_ocv", "conditioning", "other"
]
"""What a cycle is for. ``conditioning`` is cycle 0, ``other`` is what cannot be told."""


def purposes_of_ordinary(
    ordinary: list[int],
    keys: list[Key],
    groups: list[int | None],
    why: list[tuple[Purpose, str]],
    settings: CyclingSettings,
) -> None:
    """Write purpose and reason of the *ordinary* cycles (rows of the cycle table) into *why*, from their conditions.

    A reason that counts cycles or currents is completed by `counted`, once it is known which cycles have it.
    """
    rest = _rate_test(_blocks(ordinary, groups), keys, groups, why, settings)
    if not rest:
        return
    sizes: dict[int | None, int] = {}
    for block in rest:
        sizes[groups[block[0]]] = sizes.get(groups[block[0]], 0) + len(block)
    most = max(sizes.values())
    main = [groups[b[0]] for b in rest if sizes[groups[b[0]]] == most][-1]
    last = rest[-1]
    if (
        len(rest) == 2
        and len(rest[0]) <= settings.formation_max_cycles
        and _slower(keys[rest[0][0]], keys[last[0]], settings)
        and last[-1] >= ordinary[-1]
        and sizes[main] <= settings.formation_max_cycles
    ):
        main = groups[last[0]]  # a young test: formation is over, what it was made for has just begun
    first_main = next(k for k, b in enumerate(rest) if groups[b[0]] == main)
    before = sum(len(b) for b in rest[:first_main])
    enough = sizes[main] >= 3 or before > 0
    for k, block in enumerate(rest):
        key, main_key = keys[block[0]], keys[rest[first_main][0]]
        if groups[block[0]] == main:
            # one or two cycles with interrupts are there for the interrupts, not for ageing
            if enough and (sizes[main] >= 3 or not main_key.interrupted):
                word = _AT_ONE_RATE if sizes[main] > 1 else "follows formation"
                _set(why, block, "ageing", f"{word} ({main_key})")
        elif k < first_main and before <= settings.formation_max_cycles:
            _set(why, block, "formation", f"first cycles {key.against(main_key, settings)} those that follow")
        elif k > first_main and len(block) <= settings.check_up_max_cycles and enough:
            _set(why, block, "check_up", f"{_CYCLES} {key.against(main_key, settings)} ageing")
        elif len(block) >= 3:
            _set(why, block, "ageing", f"{_AT_ONE_RATE} ({key})")


_CYCLES, _CYCLES_IN_ALL, _CURRENTS = "{cycles}", "{cycles in all}", "{currents}"
_AT_ONE_RATE = f"{_CYCLES_IN_ALL} at one rate and window"


def counted(
    reason: str,
    here: Sequence[int],
    in_all: Sequence[int],
    keys: Sequence[Key],
    groups: Sequence[int | None],
    settings: CyclingSettings,
) -> str:
    """Return a detected reason with its numbers, which are of complete cycles (rows of the cycle table).

    They are those *here*, in one segment, and those *in_all* that have the reason.
    """
    if _CURRENTS in reason:
        found = _currents(_blocks(in_all, groups), keys, settings)
        shown = ", ".join(format_number(c, significant=3) for c in found)
        return reason.replace(_CURRENTS, f"{len(found)} currents ({shown} mA)")
    several = f"{_so_many(len(in_all))}{' in all' if len(in_all) > len(here) else ''}"
    return reason.replace(_CYCLES, _so_many(len(here))).replace(_CYCLES_IN_ALL, several)


def _so_many(cycles: int) -> str:
    return f"{cycles} cycle{'' if cycles == 1 else 's'}"


def _blocks(rows: Sequence[int], groups: Sequence[int | None]) -> list[list[int]]:
    """Return the rows in blocks of one like-group, in order."""
    return [list(block) for _, block in groupby(rows, key=lambda i: groups[i])]


def _set(why: list[tuple[Purpose, str]], block: Sequence[int], kind: Purpose, reason: str) -> None:
    for i in block:
        why[i] = (kind, reason)


def _slower(a: Key, b: Key, settings: CyclingSettings) -> bool:
    return any(
        x is not None and y is not None and x < (1.0 - settings.rate_tolerance) * y
        for x, y in ((a.discharge_ma, b.discharge_ma), (a.charge_ma, b.charge_ma))
    )


def _rate_test(
    blocks: list[list[int]],
    keys: list[Key],
    groups: list[int | None],
    why: list[tuple[Purpose, str]],
    settings: CyclingSettings,
) -> list[list[int]]:
    """Mark the longest row of short, similar blocks at several currents; return the other blocks."""
    best = (0, 0)
    for start in range(len(blocks)):
        stop = start
        while stop < len(blocks) and _fits_rate_test(blocks[start:stop], blocks[stop], groups, settings):
            stop += 1
        if (
            len(_currents(blocks[start:stop], keys, settings)) >= settings.rate_test_min_rates
            and stop - start > best[1] - best[0]
        ):
            best = (start, stop)
    start, stop = best
    start = _after_formation(blocks, start, stop, keys, groups, settings)
    others = blocks[:start] + blocks[stop:]
    if stop == start or _is_stepped_formation(blocks, start, stop, keys, settings):
        return blocks
    for block in blocks[start:stop]:
        _set(why, block, "rate_test", f"short blocks of cycles at {_CURRENTS}")
    return others


def _after_formation(
    blocks: list[list[int]],
    start: int,
    stop: int,
    keys: list[Key],
    groups: list[int | None],
    settings: CyclingSettings,
) -> int:
    """Return the first block of the rate test proper: slower blocks at the start of the test may be formation.

    They are where the rate test comes back to the rate of a later block, and where all other blocks are of one
    length that theirs is not, unless the rate test comes back to the rate of theirs: formation at the first rate of the
    rate test cannot be told from its first step, and without that step there is no recovery.
    """
    if start != 0 or stop - start <= settings.rate_test_min_rates:
        return start
    first = 0
    back = next((k for k in range(1, stop - 1) if groups[blocks[k][0]] == groups[blocks[stop - 1][0]]), 0)
    lengths = {len(b) for b in blocks[1:stop]}
    if back:
        first = back
    elif len(lengths) == 1 and len(blocks[0]) not in lengths and groups[blocks[0][0]] != groups[blocks[stop - 1][0]]:
        first = 1
    formation = blocks[:first]
    total = sum(len(b) for b in formation)
    slower = all(_slower(keys[b[0]], keys[blocks[first][0]], settings) for b in formation)
    rates = len(_currents(blocks[first:stop], keys, settings))
    return first if total <= settings.formation_max_cycles and slower and rates >= settings.rate_test_min_rates else 0


def _fits_rate_test(
    before: list[list[int]], block: list[int], groups: list[int | None], settings: CyclingSettings
) -> bool:
    if len(block) > settings.rate_step_max_cycles:
        return False
    if not before:
        return True
    typical = float(np.median([len(b) for b in before]))
    alike = len(block) <= 2 * typical + 1 and 2 * len(block) + 1 >= typical
    return alike and sum(groups[b[0]] == groups[block[0]] for b in before) < 2


def _currents(blocks: list[list[int]], keys: Sequence[Key], settings: CyclingSettings) -> list[float]:
    """Different currents of the blocks, of the direction that varies more, mA, ascending."""
    best: list[float] = []
    for name in ("discharge_ma", "charge_ma"):
        found: list[float] = []
        for value in sorted(v for b in blocks if (v := getattr(keys[b[0]], name)) is not None):
            if not found or value > found[-1] * (1.0 + settings.rate_tolerance):
                found.append(value)
        if len(found) > len(best):
            best = found
    return best


def _is_stepped_formation(
    blocks: list[list[int]], start: int, stop: int, keys: list[Key], settings: CyclingSettings
) -> bool:
    """A few first cycles at rising rates, none above that of the long ageing that follows, are formation."""
    total = sum(len(b) for b in blocks[start:stop])
    if start != 0 or stop >= len(blocks) or total > settings.formation_max_cycles:
        return False
    following = keys[blocks[stop][0]].discharge_ma
    own = [keys[b[0]].discharge_ma for b in blocks[start:stop]]
    if following is None or any(c is None for c in own):
        return False
    values = [c for c in own if c is not None]
    return values == sorted(values) and values[-1] <= following and len(blocks[stop]) > total


def purposes_of_leftovers(
    why: list[tuple[Purpose, str]],
    cycles: pl.DataFrame,
    by_cycle: dict[int, list[Stops]],
    settings: CyclingSettings,
) -> None:
    """Give incomplete cycles the purpose of those before them, and lone ones that of what they hold."""
    numbers = cycles["cycle"].to_list()
    slow = slow_cycles(cycles, by_cycle, settings)
    for i, number in enumerate(numbers):
        interrupted = next((s for s in by_cycle[number] if s.kind == "ici"), None)
        if why[i][0] == "other" and interrupted is not None:
            why[i] = ("ici", interrupted.reason)
    for i in range(len(numbers)):
        if why[i][0] != "other":
            continue
        if slow[i] is not None:
            why[i] = _of_slow(i, str(slow[i]), why, settings)
        elif not cycles["complete"][i] and i > 0 and why[i - 1][0] in ("ageing", "rate_test", "formation"):
            why[i] = (why[i - 1][0], why[i - 1][1])


def _of_slow(i: int, reason: str, why: list[tuple[Purpose, str]], settings: CyclingSettings) -> tuple[Purpose, str]:
    """First slow cycles of a test that goes on with GITT or pulses are formation; others are pseudo-OCV."""
    following = [w[0] for w in why[i + 1 :] if w[0] in ("gitt", "pulse", "ici")]
    if following and i < settings.formation_max_cycles:
        return "formation", f"first cycles, before the {following[0]} part"
    return "pseudo_ocv", reason


def slow_cycles(cycles: pl.DataFrame, by_cycle: dict[int, list[Stops]], settings: CyclingSettings) -> list[str | None]:
    """Say of every cycle why it is pseudo-OCV, or ``None``."""
    counted = cycles.filter(pl.col("cycle") >= 1)  # what was taken out of the cell before does not make company
    lone = int(counted.select(
        pl.col("mean_charge_voltage_v").count() + pl.col("mean_discharge_voltage_v").count()
    ).item()) <= 2  # fmt: skip
    limit = settings.pseudo_ocv_alone_h if lone else settings.pseudo_ocv_h
    slowest = settings.pseudo_ocv_rate_c * (1.0 + settings.rate_tolerance)
    said: list[str | None] = []
    for row in cycles.iter_rows(named=True):
        hours = [
            seconds / 3600.0
            for side in ("charge", "discharge")
            if (seconds := row[f"{side}_duration_second"]) is not None
        ]
        rates = [rate for side in ("charge", "discharge") if (rate := row[f"{side}_rate_c"]) is not None]
        if not hours or by_cycle[row["cycle"]]:
            said.append(None)
        elif min(hours) >= limit:
            said.append(f"half-cycles of {min(hours):.3g} h or more without stops")
        elif rates and max(rates) <= slowest and row["complete"]:
            said.append(f"half-cycles at C/{1.0 / max(rates):.3g} without stops")
        else:
            said.append(None)
    return said

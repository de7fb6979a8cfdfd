"""The rows of half-cycles that are stopped often, and the pulses of a GITT as one table."""

from __future__ import annotations

import numpy as np
import polars as pl

from lirich.cycling.annotation import Annotation
from lirich.cycling.arrays import Array
from lirich.cycling.gitt import gitt, gitt_table
from lirich.cycling.settings import CyclingSettings
from lirich.cycling.stops import Stops, stops_of
from lirich.errors import MissingMetadataError, NotEnoughDataError
from lirich.model import Sample


def radius_of(sample: Sample | None) -> float | None:
    """Return the radius of the diffusing sphere, m: half of the sample's particle diameter; ``None`` if not given."""
    diameter = None if sample is None else sample.particle_diameter_um
    return None if diameter is None else 0.5e-6 * diameter


def stopped_rows(notes: Annotation, stop: Stops) -> tuple[Array, Array, Array] | None:
    """Return time (s), voltage (V) and current (mA, charge positive; that of the half-cycle alone) of a half-cycle.

    The rest before the first pulse is with it. ``None`` without time or current, and for what comes before cycle 1.
    """
    points = notes.points
    if points.time_s is None or points.current_a is None or stop.cycle == 0:
        return None
    start, end = int(notes.half_start[stop.half]), int(notes.half_stop[stop.half])
    if start > 0:  # the rest before the first pulse belongs to the half-cycle before
        before = int(np.searchsorted(notes.steps.start, start, side="right")) - 2
        if before >= 0 and notes.steps.sign[before] == 0:
            start = int(notes.steps.start[before])
    rows = slice(start, end)
    sign = 1 if stop.direction == "charge" else -1
    current = np.where(points.sign[rows] == sign, 1e3 * points.current_a[rows], 0.0)
    return points.time_s[rows], points.voltage_v[rows], current


def gitt_pulses(notes: Annotation, sample: Sample | None, settings: CyclingSettings | None = None) -> pl.DataFrame:
    """Return every GITT pulse of a test, one row each: ``cycle``, ``direction`` and the columns of `gitt_table`.

    A half-cycle that has too few points is left out. Raises `NotEnoughDataError` where the test has no GITT that can
    be evaluated, `MissingMetadataError` where the particle diameter is not given.
    """
    halves = [s for s in stops_of(notes, settings or CyclingSettings()) if s.kind == "gitt"]
    rows = [(stop, columns) for stop in halves if (columns := stopped_rows(notes, stop)) is not None]
    if not rows:
        raise NotEnoughDataError("The test has no GITT", advice="Its protocol says what it has: lirich cells NAME")
    radius = radius_of(sample)
    if radius is None:
        raise MissingMetadataError(
            "particle_diameter_um is not given; without it there is no diffusivity by GITT",
            advice="Give particle_diameter_um (diameter of the diffusing sphere, µm) for the sample",
        )
    tables = []
    for stop, columns in rows:
        try:
            table = gitt_table(gitt(*columns, radius))
        except NotEnoughDataError:
            continue  # documented: it is left out, and a finding of the analysis says so
        cycle, direction = pl.lit(stop.cycle, dtype=pl.Int64), pl.lit(stop.direction)
        tables.append(table.select(cycle.alias("cycle"), direction.alias("direction"), pl.all()))
    if not tables:
        raise NotEnoughDataError("No GITT half-cycle has enough points", advice="The findings of the cell say why")
    return pl.concat(tables)

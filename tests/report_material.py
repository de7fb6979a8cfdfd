"""Small made-up cells for the tests of plots and reports: in the shapes of the cycling analysis, of no real cell."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from lirich.model import (
    Cell,
    Conditions,
    Finding,
    Interval,
    Origin,
    Provenance,
    RawFile,
    Sample,
    Severity,
    Subject,
    Test,
    Value,
)
from lirich.plots.thinning import choose_cycles
from lirich.reports.data import CellReport, ComparisonReport, GroupRow, PairRow, QuantityRow, ReportData, SegmentRow


def made_up_value(key: str, number: float, cell: str, half_width: float | None = None, **more: object) -> Value:
    flags = more.pop("flags", ())
    origin = more.pop("origin", Origin.SIMULATED)
    interval = None
    if half_width is not None:
        interval = Interval(low=number - half_width, high=number + half_width, method="Theil–Sen (Sen 1968)")
    conditions = {"voltage_lower_v": 2.0, "voltage_upper_v": 4.8, "rate_c": 0.5, "one_c_ma_g": 250.0} | more
    return Value(
        quantity=key,
        value=number,
        interval=interval,
        subject=Subject(kind="cell", key=cell),
        conditions=Conditions(**conditions),
        origin=origin,
        provenance=Provenance(code="lirich.cycling.fade.fade_values", version="0.1.0", parameters={"level": 0.95}),
        flags=flags,
    )


def made_up_cycles(
    n: int = 60, *, structural_mv: float = 0.5, polarisation_mv: float = 0.2, fade: float = 0.001, seed: int = 0
) -> pl.DataFrame:
    """Cycles 1–3 formation at C/10, then C/2; V̄_mid falls and ΔV̄ grows by the stated mV per cycle."""
    noise = np.random.default_rng(seed)
    cycle = np.arange(1, n + 1)
    slow = cycle <= 3
    q = np.where(slow, 262.0, 215.0) * (1 - fade * (cycle - 1)) + noise.normal(0, 0.4, n)
    q_ch = q / np.where(cycle == 1, 0.83, 0.994)
    mid = 3.72 - np.maximum(cycle - 4, 0) * structural_mv * 1e-3 + noise.normal(0, 2e-4, n)
    gap = np.where(slow, 0.22, 0.42) + np.maximum(cycle - 4, 0) * 2 * polarisation_mv * 1e-3 + noise.normal(0, 2e-4, n)
    v_ch, v_dis = mid + gap / 2, mid - gap / 2
    share = 14 + 0.08 * cycle + noise.normal(0, 0.1, n)
    return pl.DataFrame(
        {
            "cycle": cycle,
            "segment": ["formation" if s else "ageing" for s in slow],
            "charge_specific_capacity_mah_g": q_ch,
            "discharge_specific_capacity_mah_g": q,
            "charge_capacity_mah": q_ch * 4e-3,
            "discharge_capacity_mah": q * 4e-3,
            "coulombic_efficiency": 100 * q / q_ch,
            "mean_charge_voltage_v": v_ch,
            "mean_discharge_voltage_v": v_dis,
            "mid_voltage_v": mid,
            "voltage_gap_v": gap,
            "capacity_retention": np.where(slow, np.nan, 100 * q / q[min(3, n - 1)]),
            "low_voltage_share": share,
            "low_voltage_capacity_mah_g": share * q / 100,
            "charge_rate_c": np.where(slow, 0.1, 0.5),
            "discharge_rate_c": np.where(slow, 0.1, 0.5),
            "discharge_current_ma": np.where(slow, 0.1, 0.5),
            "upper_cutoff_voltage_v": np.full(n, 4.8),
            "lower_cutoff_voltage_v": np.full(n, 2.0),
        }
    ).with_columns(pl.col("capacity_retention").fill_nan(None))


def made_up_curves(cycles: pl.DataFrame, points: int = 120) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Voltage curves, dQ/dV and hysteresis of those cycles, from two broad redox steps."""
    curves, slopes, gaps = [], [], []
    grid = np.linspace(2.0, 4.8, 400)
    for row in cycles.iter_rows(named=True):
        for direction, shift, column in (("charge", 0.5, "charge"), ("discharge", -0.5, "discharge")):
            centre = row["mid_voltage_v"] + shift * row["voltage_gap_v"]
            total = row[f"{column}_specific_capacity_mah_g"]
            top = 4.5 if row["cycle"] == 1 and direction == "charge" else centre + 0.25
            below = 0.55 / (1 + np.exp(-(grid - centre + 0.1) / 0.12)) + 0.45 / (1 + np.exp(-(grid - top) / 0.06))
            below = total * (below - below[0]) / (below[-1] - below[0])
            q, v = (below, grid) if direction == "charge" else (total - below[::-1], grid[::-1])
            pick = np.linspace(0, len(grid) - 1, points).astype(int)
            base = {"cycle": [row["cycle"]] * points, "direction": [direction] * points}
            curves.append(
                pl.DataFrame(
                    base | {"capacity_mah": q[pick] * 4e-3, "specific_capacity_mah_g": q[pick], "voltage_volt": v[pick]}
                )
            )
            slope = np.gradient(below, grid)
            slopes.append(
                pl.DataFrame(
                    base | {"voltage_volt": grid[pick], "dqdv_mah_v": slope[pick] * 4e-3, "dqdv_mah_g_v": slope[pick]}
                )
            )
        soc = np.linspace(0, 100, 41)
        gaps.append(
            pl.DataFrame(
                {
                    "cycle": [row["cycle"]] * 41,
                    "soc_percent": soc,
                    "hysteresis_v": row["voltage_gap_v"] * (1.3 - 0.5 * np.sin(np.pi * soc / 100)),
                }
            )
        )
    return pl.concat(curves), pl.concat(slopes), pl.concat(gaps)


def made_up_cell(
    key: str, morphology: str | None = "SC", *, n: int = 60, seed: int = 0, simulated: bool = True, curves: bool = True
) -> CellReport:
    single = morphology == "SC"
    structural, polarisation = (0.35, 0.12) if single else (0.75, 0.3)
    cycles = made_up_cycles(
        n, structural_mv=structural, polarisation_mv=polarisation, fade=0.0008 if single else 0.0019, seed=seed
    )
    origin = Origin.SIMULATED if simulated else Origin.MEASURED
    wiggle = 1 + 0.05 * math.sin(seed * 1.7)
    last = cycles.row(-1, named=True)
    values = [
        made_up_value("initial_coulombic_efficiency", 83.1 * wiggle**0.2, key, rate_c=0.1, cycle=1, origin=origin),
        made_up_value(
            "activation_voltage_v", 4.31, key, rate_c=0.1, cycle=1, direction="charge", method="valley", origin=origin
        ),
        made_up_value("plateau_capacity_mah_g", 141.0 * wiggle, key, rate_c=0.1, cycle=1, origin=origin),
        made_up_value(
            "formal_oxygen_capacity_mah_g",
            160.0,
            key,
            rate_c=0.1,
            cycle=1,
            flags=("formal", "upper-bound"),
            origin=origin,
        ),
        made_up_value(
            "capacity_retention",
            float(last["capacity_retention"] or 100.0),
            key,
            cycle=last["cycle"],
            reference_cycle=4,
            segment="ageing",
            origin=origin,
        ),
        made_up_value(
            "voltage_decay_mv_per_cycle",
            (structural + polarisation) * wiggle,
            key,
            0.03,
            segment="ageing",
            method="Theil–Sen",
            origin=origin,
        ),
        made_up_value(
            "structural_voltage_decay_mv_per_cycle",
            structural * wiggle,
            key,
            0.02,
            segment="ageing",
            method="Theil–Sen",
            origin=origin,
        ),
        made_up_value(
            "polarisation_voltage_decay_mv_per_cycle",
            polarisation * wiggle,
            key,
            0.02,
            segment="ageing",
            method="Theil–Sen",
            origin=origin,
        ),
        made_up_value(
            "structural_share_of_voltage_decay",
            100 * structural / (structural + polarisation),
            key,
            segment="ageing",
            origin=origin,
        ),
        made_up_value(
            "low_voltage_share_growth_percent_per_cycle",
            0.08 * wiggle,
            key,
            0.006,
            segment="ageing",
            threshold_v=3.5,
            origin=origin,
        ),
        *(
            made_up_value("hysteresis_at_soc_v", 0.3 - 0.001 * s, key, cycle=4, soc_percent=s, origin=origin)
            for s in (25.0, 50.0, 75.0)
        ),
        *(
            made_up_value(
                "rate_capacity_mah_g",
                250 - 60 * math.log10(r / 0.1),
                key,
                2.0,
                rate_c=r,
                segment="rate_test",
                origin=origin,
            )
            for r in (0.1, 0.2, 0.5, 1.0, 2.0)
        ),
    ]
    for i in range(18):
        doubtful = i > 12
        values.append(
            made_up_value(
                "lithium_diffusivity_m2_s",
                1e-15 * 10 ** (-0.05 * i),
                key,
                soc_percent=5.0 * i + 5,
                method="GITT",
                rate_c=None,
                particle_radius_m=2e-6,
                flags=("out-of-validity",) if doubtful else (),
                origin=origin,
            )
        )
    tables = (
        made_up_curves(cycles.filter(pl.col("cycle").is_in(choose_cycles(cycles["cycle"].to_list(), 24))))
        if curves
        else (None, None, None)
    )
    findings = (
        Finding(code="missing-electrolyte", message="electrolyte is not given", advice="Give electrolyte for the cell"),
        Finding(
            code="current-sign-from-voltage",
            message=f"The sign of the current of {key} was taken from the voltage",
            advice="Check one charge step",
        ),
        Finding(
            code="gap-between-files",
            severity=Severity.INFO,
            message="28 min pass between the first and the second file",
        ),
    )
    return CellReport(
        settings={"low_voltage_threshold_v": 3.5, "interrupt_time_s": 10.0},
        cell=Cell(
            key=key,
            sample=f"LRM-{morphology or 'x'}",
            electrode="cathode",
            active_mass_mg=4.0,
            one_c_ma_g=250.0,
            counter_electrode="Li",
            temperature_celsius=25.0,
            simulated=simulated,
        ),
        sample=Sample(
            key=f"LRM-{morphology or 'x'}",
            composition="Li1.2Mn0.54Ni0.13Co0.13O2",
            morphology=morphology,
            particle_diameter_um=4.0,
        ),
        tests=(
            Test(
                key="t" + key[:8],
                cell=key,
                raw=RawFile(
                    sha256=f"{abs(hash(key)) % 16**8:08x}" * 8, name=f"{key}_formation_and_ageing.ndax", size=123456
                ),
                reader="neware",
                reader_version="0.1.0",
                confidence=0.98,
                curve="c",
                rows=204512,
                start_unix_second=1.7e9 + seed,
                duration_second=1.9e6,
            ),
        ),
        cycles=cycles,
        segments=(SegmentRow("formation", 1, min(3, n), "C/10, 2.0–4.8 V"),)
        + ((SegmentRow("ageing", 4, n, "C/2, 2.0–4.8 V"),) if n > 3 else ()),
        values=tuple(values),
        findings=findings,
        voltage_curves=tables[0],
        dqdv=tables[1],
        hysteresis=tables[2],
    )


def made_up_comparison(cells: list[CellReport]) -> ComparisonReport:
    rows = []
    for key in (
        "voltage_decay_mv_per_cycle",
        "capacity_retention",
        "initial_coulombic_efficiency",
        "low_voltage_share_growth_percent_per_cycle",
    ):
        groups = []
        for name in ("SC", "PC"):
            points = tuple(
                (c.cell.key, v.value) for c in cells if c.group_name == name for v in c.values if v.quantity == key
            )
            y = np.array([p for _, p in points])
            half = 2.8 * y.std(ddof=1) / math.sqrt(len(y)) if len(y) > 1 else None
            groups.append(
                GroupRow(
                    name,
                    points,
                    float(y.mean()),
                    None if half is None else float(y.mean() - half),
                    None if half is None else float(y.mean() + half),
                    origins=tuple({c.origin for c in cells if c.group_name == name}),
                )
            )
        rows.append(
            QuantityRow(
                key,
                tuple(groups),
                (
                    PairRow(
                        "SC",
                        "PC",
                        -3.1,
                        -5.2,
                        -1.2,
                        0.0286,
                        0.031,
                        groups[0].mean - groups[1].mean,
                        groups[0].mean - groups[1].mean - 0.02,
                        groups[0].mean - groups[1].mean + 0.02,
                    ),
                ),
                conditions="2.0–4.8 V · C/2 · 1C = 250 mA/g",
            )
        )
    rows.append(QuantityRow("mean_discharge_voltage_v", refused="upper voltage 4.8 V in SC, 4.6 V in PC"))
    return ComparisonReport(
        "morphology",
        tuple(rows),
        ("n = 3 in group PC: an interval of so few cells says little.",),
        method="Means with 95 % t intervals, Hedges’ g, exact permutation test, Holm correction.",
    )


def made_up_literature(n: int = 12) -> list[Value]:
    noise = np.random.default_rng(3)
    out = []
    for i in range(n):
        name = f"{'SC' if i % 2 else 'PC'} paper {i}"
        for key, number, more in (
            ("initial_coulombic_efficiency", 78 + 12 * noise.random(), {}),
            ("capacity_retention", 60 + 38 * noise.random(), {"cycles": int(50 + 350 * noise.random())}),
            ("voltage_decay_mv_per_cycle", 0.3 + 2 * noise.random(), {}),
        ):
            out.append(
                Value(
                    quantity=key,
                    value=float(number),
                    subject=Subject(kind="material", key=name),
                    conditions=Conditions(rate_c=1.0, other={"morphology": name[:2]}, **more),
                    origin=Origin.LITERATURE,
                    provenance=Provenance(source=f"review reference {i}"),
                )
            )
    return out


def made_up_report(n_sc: int = 4, n_pc: int = 3, *, n: int = 60, literature: bool = True) -> ReportData:
    cells = [made_up_cell(f"SC-{i + 1}", "SC", seed=i, n=n) for i in range(n_sc)] + [
        made_up_cell(f"PC-{i + 1}", "PC", seed=50 + i, n=n) for i in range(n_pc)
    ]
    published = made_up_literature() if literature else []
    return ReportData(
        title="LRM single crystal against polycrystal, batch 14",
        cells=tuple(cells),
        comparison=made_up_comparison(cells) if n_sc > 1 and n_pc > 1 else None,
        literature=tuple(published),
        workspace="batch-14",
        created="2026-11-22 18:00 UTC",
    )

"""What is reported of Li-rich crystals, beside what the library's sets give: the second part of `cells.py targets`.

Nothing here is fitted. Each table says what is put in, what is predicted and what falls short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lirich.cells import models, programme
from lirich.cells.morphology import bet_area, tap_density, volume_change
from lirich.cells.parameters import polycrystal, single_crystal
from lirich.cells.simulation import Model, Simulator
from lirich.cells.sizes import SPREAD
from lirich.testing.digitised import FITTED, PUBLISHED

ONE_C = 250.0
"""mA/g of 1C: the review does not say it for any of its samples; common for Li-rich cathodes."""
MICRON, NANO = 940.0, 101.0
"""nm: the crystals of the review's ref. 80."""


def table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Print a table."""
    texts = [heads, *(tuple(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row) for row in rows)]
    widths = [max(len(row[i]) for row in texts) for i in range(len(heads))]
    print(f"\n{title}")
    for number, row in enumerate(texts):
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def sphere(diameter_nm: float) -> dict[str, float]:
    """Return the radii of a single crystal, m."""
    radius = 0.5e-9 * diameter_nm
    return {"Crystal radius [m]": radius, "Particle radius [m]": radius}


# --- concentration in the crystal -----------------------------------------------------------------------------------


def gradients() -> None:
    """Surface minus centre: 940 nm against 101 nm, in the first charge and in a 1C discharge."""
    simulator = Simulator(Model(points=(("r_p", 40),), outputs=("Surface lithium content",)), single_crystal())
    places = next(p for v, p in simulator.model.y_slices.items() if v.name == "Lithium in the crystal")[0]

    def along(changes: Mapping[str, float], step: str, start: np.ndarray | None, minutes: int) -> list[float]:
        """Return |surface − centre| at the end of each part of a step."""
        found, state = [], start
        while len(found) < 200:
            run = simulator.run(programme.parse([f"{step} or {minutes} min"], ONE_C), changes, start=state)
            state = run.final
            found.append(abs(run.points["Surface lithium content"][-1] - float(state[places][0])))
            if run.points["time_s"][-1] < 60.0 * minutes - 1:
                break
        return found

    rows = []
    for words, diffusivity in (
        ("one D, 1e-12 cm²/s (the library's)", {MICRON: 1e-16, NANO: 1e-16}),
        ("D as said to be measured: 1e-12 and 1e-14 cm²/s", {MICRON: 1e-16, NANO: 1e-18}),
    ):
        for name, minutes, point in (("first charge, C/10", 24, 11), ("discharge, 1C", 2, 11)):
            middle, largest = [], []
            for diameter in (MICRON, NANO):
                changes = {**sphere(diameter), "Maximum diffusivity [m2.s-1]": diffusivity[diameter]}
                start = None
                if "discharge" in name:
                    plan = programme.cycling(["C/10", "C/10"], one_c_ma_g=ONE_C, charge_rate="C/10")
                    start = simulator.run(plan, changes).final
                    charge = programme.parse(["Charge at C/10 until 4.8 V"], ONE_C)
                    start = simulator.run(charge, changes, start=start).final
                step = "Discharge at 1C until 2.0 V" if start is not None else "Charge at C/10 until 4.8 V"
                found = along(changes, step, start, minutes)
                middle.append(found[min(point, len(found) - 1)])
                largest.append(max(found))
            rows.append((words, name, *middle, middle[0] / middle[1], *largest, largest[0] / largest[1]))
    table(
        "Li content, surface minus centre, of crystals of 940 and 101 nm (predicted). Reported: 'high Li+\n"
        "concentration gradients' at 940 nm, 'more uniform' at 101 nm, in pictures of a simulation of the first\n"
        "cycle (review, section 4, ref. 80): no number and no rate in the text. With one D the ratio at one\n"
        "charge tends to (940/101)² = 87. The method sheet's 0.32, 0.002 and 160 are its own run with another\n"
        "D(x), at unlike charges, and no report. That the 101 nm crystals have a D 100 times smaller is second\n"
        "hand; with it they would not be the uniform ones",
        ("diffusivity", "step", "940 nm, 100 mAh/g", "101 nm", "ratio", "largest, 940 nm", "101 nm", "ratio"),
        rows,
    )


# --- gas ------------------------------------------------------------------------------------------------------------


def oxygen() -> None:
    """Onset of O2 by one rate law and one limit of detection; what differs is the surface that it can leave by."""
    simulator = Simulator(Model(points=(("r_p", 12),), outputs=("Oxygen release rate [umol.g-1.s-1]",)))
    plan = programme.parse(["Charge at C/20 until 5.15 V"], ONE_C)
    part = "Part of closed grain boundaries that oxygen leaves by"

    def curve(changes: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        points = simulator.run(plan, changes).points
        return points["voltage_v"].to_numpy(), np.log(points["Oxygen release rate [umol.g-1.s-1]"].to_numpy())

    rows: list[tuple[object, ...]] = []
    for words, boundaries in (("oxygen leaves by grain boundaries", 1.0), ("by the wetted surface alone", 0.0)):
        voltage, rate = curve({**polycrystal(), part: boundaries})
        limit = float(np.interp(4.7, voltage, rate))
        for name, values, stated in (
            ("PC of the library", polycrystal(), "4.7 (sets the limit)"),
            ("SC of the library, 0.94 µm", single_crystal(), "4.98"),
            ("SC of 1.71 µm", {**single_crystal(), **sphere(1710.0)}, "4.98"),
        ):
            changes = {**values, part: boundaries}
            voltage, rate = curve(changes)
            grain, particle = (3 / changes[f"{of} radius [m]"] for of in ("Crystal", "Particle"))
            shut = 1 - changes["Initial open part of the grain boundaries"]
            leaving = (
                bet_area(changes) + boundaries * shut * (grain - particle) / changes["Crystal density [kg.m-3]"] / 1e3
            )
            rows.append(
                (
                    words,
                    name,
                    f"{bet_area(changes):.2f}",
                    f"{leaving:.2f}",
                    float(np.interp(limit, rate, voltage)),
                    stated,
                )
            )
    table(
        "O2 onset, C/20. One rate law; the limit of detection is set to the 4.7 V of the PC, and the slope of\n"
        "0.13 V is the one number that is set to the reported difference of 0.28 V. The size of the SC of ref. 43\n"
        "is not in the text; BET of ref. 60 and ref. 51. The onsets of CO2, 4.34 and 4.6 V, are put in and not\n"
        "predicted",
        ("", "sample", "BET (m²/g)", "leaves by (m²/g)", "onset (V)", "reported"),
        rows,
    )


# --- powder ---------------------------------------------------------------------------------------------------------


def powders() -> None:
    """BET area, tap density, volume change and charge per volume, as they follow from the sets."""
    rows = []
    spread = {**models.SIZE_DISTRIBUTION.defaults(), **sphere(940.0)}
    alike = replace(models.SINGLE_PARTICLE, points=(("r_p", 12),))
    for name, model, values in (
        ("SC of the library, 0.94 µm", alike, single_crystal()),
        ("SC of 1.71 µm", alike, {**single_crystal(), **sphere(1710.0)}),
        *((f"SC, D50 0.94 µm, σ_g {s:g}", models.SIZE_DISTRIBUTION, {**spread, SPREAD: s}) for s in (1.2, 1.5, 2.0)),
        ("PC of the library", alike, polycrystal()),
    ):
        run = Simulator(model, values, compiled=False).run(programme.cycling(["C/10"], one_c_ma_g=ONE_C))
        ends = run.ends
        charge = -ends["Lithium through the circuit"][0] * values["Host capacity [mA.h.g-1]"]
        given = charge + ends["Lithium through the circuit"][1] * values["Host capacity [mA.h.g-1]"]
        tap = tap_density(values)
        rows.append(
            (
                name,
                f"{bet_area(values):.2f}",
                f"{tap:.2f}",
                f"{volume_change(values, charge):.1f}",
                f"{given * tap:.0f}",
            )
        )
    rows.append(
        ("reported, SC", "1.5 (ref. 60), 0.824 (ref. 51)", "3.2 (ref. 60)", "5 to 8; 1.59 (ref. 78)", "835 (ref. 78)")
    )
    table(
        "Powders. BET of the SC sets their size; the tap density is that of a random close packing of spheres\n"
        "(0.637 of the crystal's where they are equal, more with a spread), and the charge per volume that of such a\n"
        "packing (3.2 g/cm³ with 260 mAh/g would be 832). The\n"
        "volume change follows from the expansion that is put in; the plates of ref. 78, whose axes offset each\n"
        "other, are not in the model",
        ("sample", "BET (m²/g)", "tap (g/cm³)", "volume change, first charge (%)", "mAh/cm³"),
        rows,
    )


# --- first cycle ----------------------------------------------------------------------------------------------------


def first_cycle() -> None:
    """Why the library's single crystals have a better first cycle than the real cell that their sites come from."""
    simulator = Simulator(Model(outputs=("Discharge energy [W.h]",)), single_crystal())
    fitted = FITTED["Particle radius [m]"] * 2e9
    rows: list[tuple[object, ...]] = []
    for diameter, rate in ((MICRON, "C/10"), (MICRON, "C/200"), (fitted, "C/10"), (fitted, "C/200")):
        for low, high in ((2.0, 4.8), (2.5066, 4.704)):
            run = simulator.run(programme.cycling([rate], one_c_ma_g=ONE_C, low_v=low, high_v=high), sphere(diameter))
            passed = np.diff(run.ends["Lithium through the circuit"].to_numpy(), prepend=0.0) * run.host_ah
            energy = np.diff(run.ends["Discharge energy [W.h]"].to_numpy(), prepend=0.0)
            charge, discharge = 1e3 * np.abs(passed) / single_crystal()["Active mass [g]"]
            volts = energy / passed
            rows.append(
                (
                    f"{diameter:.0f} nm, {rate}",
                    f"{low:.3g} to {high:.3g} V",
                    f"{charge:.0f}",
                    f"{discharge:.0f}",
                    100 * discharge / charge,
                    *(f"{v:.3f}" for v in volts),
                )
            )
    stated = (PUBLISHED[f"{way}_specific_capacity_mah_g"] for way in ("charge", "discharge"))
    volts = (PUBLISHED[f"mean_{way}_voltage_v"] for way in ("charge", "discharge"))
    efficiency = PUBLISHED["initial_coulombic_efficiency"]
    real = (*(f"{x:.0f}" for x in stated), efficiency, *(f"{v:.3f}" for v in volts))
    rows.append(("real cell (Kim et al.)", "2.51 to 4.7 V", *real))
    table(
        "First cycle. The sites are those of the real cell, whose diffusion length (fitted with D fixed: only\n"
        "D/R² is told) is not that of the library's crystals (BET). What a slower cycle gives back is kinetics at\n"
        "the end of the discharge; the rest is lost with sites",
        (
            "diameter, rate",
            "window",
            "charge (mAh/g)",
            "discharge (mAh/g)",
            "efficiency (%)",
            "mean V, charge",
            "discharge",
        ),
        rows,
    )


def reported() -> None:
    """Print all of it."""
    gradients()
    oxygen()
    powders()
    first_cycle()

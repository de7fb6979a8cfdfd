"""Facts that cannot be so: a value far outside what cells have is mostly one in another unit, which is then named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lirich.cycling.material import cathode_oxide
from lirich.cycling.plausibility import RICHEST_HOST_MAH_G
from lirich.errors import quoted
from lirich.model import Cell, Composition, Finding, Sample, Severity
from lirich.model.oxidation import likely_meant, unbalanced


@dataclass(frozen=True, slots=True)
class Range:
    """What a fact can be: from ``low`` to ``high`` in ``unit``, and why not less or more.

    ``usual`` is what most cells have: another unit is proposed where the value in it lies there. ``others`` are units
    by name with factor and offset: value in ``unit`` = factor · (value as given) + offset.
    """

    unit: str
    low: float
    high: float
    too_low: str
    too_high: str
    usual: tuple[float, float]
    others: Mapping[str, tuple[float, float]]


OF_SIMULATION = "simulation "
"""How the source of a fact begins that a simulation has assumed; the name of the simulated cell follows."""

_SPECIFIC = {"A/g": (1000.0, 0.0), "µA/g": (0.001, 0.0)}

RANGES = {
    "temperature_celsius": Range(
        unit="°C",
        low=-100.0,
        high=180.5,
        too_low="every liquid electrolyte of lithium cells is solid there",
        too_high="lithium melts at 180.5 °C",
        usual=(-60.0, 120.0),
        others={"kelvin": (1.0, -273.15)},
    ),
    "particle_diameter_um": Range(
        unit="µm",
        low=1.4e-3,
        high=100.0,
        too_low="a layered oxide repeats itself after 1.4 nm, so that no crystal of it is smaller",
        too_high="a particle is no wider than the coating that it lies in",
        usual=(0.02, 40.0),
        others={"m": (1e6, 0.0), "cm": (1e4, 0.0), "mm": (1e3, 0.0), "nm": (1e-3, 0.0)},
    ),
    "one_c_ma_g": Range(
        unit="mA/g",
        low=10.0,
        high=RICHEST_HOST_MAH_G,
        too_low="no host in use stores less than 10 mAh/g",
        too_high="no electrode passes more than silicon as Li22Si5",
        usual=(50.0, 4000.0),
        others=_SPECIFIC,
    ),
    "nominal_specific_capacity_mah_g": Range(
        unit="mAh/g",
        low=10.0,
        high=RICHEST_HOST_MAH_G,
        too_low="no host in use stores less than 10 mAh/g",
        too_high="no electrode passes more than silicon as Li22Si5",
        usual=(50.0, 4000.0),
        others={"Ah/g": (1000.0, 0.0), "µAh/g": (0.001, 0.0)},
    ),
    "electrode_area_cm2": Range(
        unit="cm²",
        low=0.005,
        high=1e6,
        too_low="a disc of 1 mm has 0.008 cm²",
        too_high="no electrode has 100 m²",
        usual=(0.05, 5e4),
        others={"m²": (1e4, 0.0), "µm²": (1e-8, 0.0)},
    ),
}
"""What facts can be. The ends are chosen so far out that no cell of a laboratory lies there, and a factor of 1000 does.

Temperature: the melting point of lithium is 180.5 °C (CRC Handbook of Chemistry and Physics); the coldest liquid
electrolytes in use freeze above −100 °C. Particle: the lattice parameter *c* of layered LiTMO2 is 14.2 Å
(Li1.2Mn0.54Ni0.13Co0.13O2, R-3m setting); coatings of lithium-ion electrodes are 50 to 100 µm thick. Currents and
capacities per gram: from 10, far below the poorest hosts in use (LiFePO4 170, Li4Ti5O12 175 mAh/g), to silicon
(`lirich.cycling.plausibility`). A mass alone tells nothing, as pouch cells have grams: it is judged by the capacity
that it gives (`implausible_capacity` there).
"""


def doubtful(cell: Cell, sample: Sample | None, names: Collection[str] | None = None) -> list[Finding]:
    """Return the facts of a cell and its sample that cannot be so, each with the unit that it is likely in.

    With *names* only what is about these facts. An anode that is a cathode by its composition is doubted too, and so is
    a composition whose charges cannot balance, and what a simulation assumed of the sample of a measured cell.
    """
    facts = cell.model_dump(include=set(RANGES))
    if sample is not None:
        facts |= sample.model_dump(include=set(RANGES))
    wanted = {*RANGES, "electrode", "composition"} if names is None else set(names)
    found = [
        _implausible(name, value, cell)
        for name, value in facts.items()
        if name in wanted and value is not None and not RANGES[name].low <= value <= RANGES[name].high
    ]
    found += _unbalanced(cell, sample) if "composition" in wanted else []
    found += _assumed(cell, sample, names)
    return [*found, *(_contradiction(cell, sample) if wanted & {"electrode", "composition"} else [])]


def _implausible(name: str, value: float, cell: Cell) -> Finding:
    limits = RANGES[name]
    why = limits.too_low if value < limits.low else limits.too_high
    others = {unit: factor * value + offset for unit, (factor, offset) in limits.others.items()}
    if cell.active_mass_mg is not None and limits.unit in ("mA/g", "mAh/g"):
        others[f"{limits.unit.removesuffix('/g')} of the whole cell"] = 1000.0 * value / cell.active_mass_mg
    likely = [f"in {unit} it would be {name}={other:.4g}" for unit, other in others.items() if _usual(limits, other)]
    return Finding(
        code="fact-implausible",
        severity=Severity.WARNING,
        message=f"{name} of {cell.key} is {value:g} {limits.unit}: {why}",
        advice=f"Is it given in another unit? {'; '.join(likely)}" if likely else "Check it",
        where=cell.key,
    )


def _usual(limits: Range, value: float) -> bool:
    return limits.usual[0] <= value <= limits.usual[1]


def _unbalanced(cell: Cell, sample: Sample | None) -> list[Finding]:
    formula = None if sample is None else sample.composition
    why = unbalanced(Composition.parse(formula)) if formula else ""
    if not formula or not why:
        return []
    meant = likely_meant(Composition.parse(formula))
    return [
        Finding(
            code="fact-implausible",
            severity=Severity.WARNING,
            message=f"composition of {cell.key} is {formula}: {why}",
            advice=f"Did you mean composition={meant}?" if meant else "Check its numbers",
            where=cell.key,
        )
    ]


def _assumed(cell: Cell, sample: Sample | None, names: Collection[str] | None) -> list[Finding]:
    """Say what of the sample of a measured cell a simulation has assumed; nobody has said it of this cell."""
    if cell.simulated or sample is None:
        return []
    of = {name: source for name, source in sample.sources.items() if source.startswith(OF_SIMULATION)}
    wanted = set(of) if names is None or "sample" in names else set(of) & set(names)
    if not wanted:
        return []
    assumed = [name for name in sample.sources if name in wanted]
    say = " ".join(f"--set {quoted(f'{name}=…')}" for name in assumed)
    return [
        Finding(
            code="fact-of-simulation",
            severity=Severity.WARNING,
            message=f"{', '.join(assumed)} of {cell.key}, which is measured: assumed by a simulation of its sample "
            f"{sample.key} ({', '.join(sorted({of[name] for name in assumed}))})",
            advice=f"State what holds: lirich cells {quoted(cell.key)} {say}; or, if it is another material: "
            f"lirich cells {quoted(cell.key)} --set {quoted('sample=…')}",
            where=cell.key,
        )
    ]


def _contradiction(cell: Cell, sample: Sample | None) -> list[Finding]:
    formula = None if sample is None else sample.composition
    if cell.electrode != "anode" or formula is None or not cathode_oxide(Composition.parse(formula)):
        return []
    return [
        Finding(
            code="electrode-contradicts-composition",
            severity=Severity.WARNING,
            message=f"electrode of {cell.key} is anode, and its composition {formula} is that of a cathode: its "
            "efficiencies are turned round",
            advice="If it is the working electrode against Li: "
            f"lirich cells {quoted(cell.key)} --set electrode=cathode",
            where=cell.key,
        )
    ]

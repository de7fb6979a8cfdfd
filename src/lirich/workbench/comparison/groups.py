"""The verb *compare*: cells of a workspace, grouped by what is known of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from lirich.errors import NotEnoughDataError, UnknownNameError, quoted
from lirich.model import Cell, Origin, Sample, Value
from lirich.quantities import QUANTITIES
from lirich.workbench.intake.celltables import CELL_FIELDS, SAMPLE_FIELDS
from lirich.workbench.intake.renamed import in_two_cells
from lirich.workbench.outdated import out_of_date

if TYPE_CHECKING:
    from lirich.workbench.comparison.compare import Comparison
    from lirich.workbench.workspace import Workspace


HEADLINE = (
    "initial_coulombic_efficiency",
    "irreversible_capacity_mah_g",
    "slope_capacity_mah_g",
    "plateau_capacity_mah_g",
    "median_coulombic_efficiency",
    "capacity_fade_percent_per_cycle",
    "voltage_decay_mv_per_cycle",
    "structural_voltage_decay_mv_per_cycle",
    "polarisation_voltage_decay_mv_per_cycle",
    "low_voltage_share_growth_percent_per_cycle",
    "rate_capability",
    "hysteresis_at_soc_v",
    "interrupt_resistance_growth_ohm_per_cycle",
    "lithium_diffusivity_m2_s",
)
"""What a Li-rich cathode is judged by: compared unless others are asked for. Every further quantity costs power,
since the p values of all that are compared are corrected together."""


def compare_cells(
    workspace: Workspace,
    by: str,
    *,
    quantities: Sequence[str] | Literal["all"] | None = None,
    cells: str | Iterable[str] | None = None,
    force: bool = False,
    seed: int = 0,
) -> Comparison:
    """Compare the groups that the field *by* makes; see `lirich.workbench.Workspace.compare`."""
    from lirich.workbench.comparison.compare import compare

    default = quantities is None
    if quantities is None:
        quantities = HEADLINE
    elif isinstance(quantities, str):
        if quantities != "all":
            raise UnknownNameError.of("choice of quantities", quantities, ["all"])
        quantities = None
    keys = workspace.store.named(cells)
    groups = group_cells(workspace, by, keys)
    values: list[Value] = []
    for key in groups:
        view = workspace.cells[key]
        if view.analyses or view.impedance:
            values += view.values
    if not values:
        raise NotEnoughDataError(
            "None of these cells is analysed", advice="Run `lirich analyse` (or ws.analyse()) first"
        )
    if default:
        there = {value.quantity for value in values}
        quantities = [key for key in HEADLINE if key in there]
    made_of = {key: cell.sample for key, cell in workspace.store.cells().items() if cell.sample}
    try:
        found = compare(values, groups, quantities=quantities, force=force, seed=seed, by=by, samples=made_of)
    except NotEnoughDataError as error:
        why = _reasons(workspace, groups, quantities or ())
        if not why:
            raise
        said = f"{error.advice}. What the analysis says: {why}"
        raise NotEnoughDataError(error.found, expected=error.expected, advice=said) from error
    # what nobody asked for by name and is not there is told by the values that were left out
    store = workspace.store
    kept = [f for f in found.findings if not (default and f.code == "no-value")]
    return found.model_copy(update={"findings": (*out_of_date(store, groups), *in_two_cells(store, groups), *kept)})


_WHY = ("no-ageing-cycles", "not-enough-data", "no-rate-test")


def _reasons(workspace: Workspace, cells: Iterable[str], keys: Iterable[str]) -> str:
    """Return why *cells* lack values of *keys*, as their analysis found it: each reason once, with its cells.

    What lacks V* or the active mass alone is no reason for anything else.
    """
    wanted = [QUANTITIES[key] for key in keys]
    activation = any(re.match("activation_|slope_|plateau_", q.key) for q in wanted)
    per_gram = any(q.unit.startswith(("mAh/g", "Wh/kg")) for q in wanted)
    found: dict[str, list[str]] = {}
    for key in cells:
        for finding in workspace.cells[key].findings:
            about_activation = "activation voltage" in finding.message
            about_mass = finding.code == "missing-active-mass-mg"
            if (about_activation and not activation) or (about_mass and not per_gram):
                continue
            if finding.code in _WHY or finding.code.startswith("missing-"):
                found.setdefault(finding.message, []).append(key)
    return "; ".join(f"{message} ({', '.join(dict.fromkeys(keys))})" for message, keys in found.items())


def group_cells(workspace: Workspace, by: str, cells: Sequence[str]) -> dict[str, str]:
    """Return the group of each cell for which the field *by* is known.

    Raises `UnknownNameError` where no cell has such a field, `NotEnoughDataError` where there are not two groups.
    """
    samples = workspace.samples
    facts = workspace.store.cells()
    groups: dict[str, str] = {}
    extras: set[str] = set()
    for key in cells:
        cell = facts[key]
        sample = samples.get(cell.sample) if cell.sample else None
        extras |= set(cell.extra) | (set(sample.extra) if sample else set())
        found = field_of(cell, sample, by)
        if found is not None:
            groups[key] = found
    known = {*CELL_FIELDS, *SAMPLE_FIELDS, "sample", *extras}
    if by not in known:
        raise UnknownNameError.of("field to group by", by, known)
    names = sorted(set(groups.values()))
    if len(names) < 2:
        raise NotEnoughDataError(
            f"{by} makes {len(names)} group(s) of {len(cells)} cells" + (f": {names[0]}" if names else ""),
            expected="two groups or more",
            advice=f"Give {by} for the cells: lirich cells NAME --set {quoted(f'{by}=…')}, or a cells.csv",
        )
    return groups


def field_of(cell: Cell, sample: Sample | None, by: str) -> str | None:
    """Return what the cell, its sample or their extra fields say of *by*, in words; ``None`` where nothing does."""
    if by == "sample":
        return cell.sample
    for thing in (cell, sample):
        if thing is not None:
            value = getattr(thing, by, None) if by in type(thing).model_fields else thing.extra.get(by)
            if value is not None:
                return _in_words(by, value)
    return None


def _in_words(by: str, value: object) -> str:
    if by == "simulated":
        return Origin.SIMULATED if value else Origin.MEASURED
    if isinstance(value, bool):
        return f"{by.replace('_', ' ')}: {'yes' if value else 'no'}"
    return str(value)

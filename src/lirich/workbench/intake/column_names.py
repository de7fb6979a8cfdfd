"""Columns whose names plausibly mean a field of a cell or sample, and are kept as what groups cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from lirich.errors import quoted
from lirich.model import Cell, Finding, Sample, Scalar
from lirich.workbench.intake.celltables import BY_HAND, CELL_FIELDS, Entry, written
from lirich.workbench.intake.fact_sources import in_words, rank

_MEANT = {
    **dict.fromkeys(
        (
            *("mass", "mass_mg", "mass_g", "weight", "weight_mg", "am_mass", "am_mg", "loading", "loading_mg"),
            *("electrode_mass", "electrode_mass_mg", "active_material_mg", "active_weight", "active_weight_mg"),
        ),
        "active_mass_mg",
    ),
    **dict.fromkeys(("temp", "temp_c", "temp_celsius", "temperature", "temperature_c", "t_c"), "temperature_celsius"),
    **dict.fromkeys(
        (
            "nominal_capacity",
            "nominal_capacity_mah_g",
            "specific_capacity",
            "specific_capacity_mah_g",
            "capacity_mah_g",
        ),
        "nominal_specific_capacity_mah_g",
    ),
    **dict.fromkeys(("1c", "1c_mah_g", "1c_ma_g", "1c_current", "c_ma_g", "current_1c"), "one_c_ma_g"),
    **dict.fromkeys(
        ("diameter", "diameter_um", "diameter_µm", "particle_size", "particle_size_um", "size_um", "d50", "d50_um"),
        "particle_diameter_um",
    ),
    **dict.fromkeys(("area", "area_cm2", "geometric_area_cm2", "disc_area_cm2"), "electrode_area_cm2"),
    **dict.fromkeys(("formula", "chemistry", "chemical_formula"), "composition"),
    **dict.fromkeys(("crystal", "crystallinity", "sc_pc", "sc_or_pc", "morph"), "morphology"),
    **dict.fromkeys(("working_electrode", "electrode_type", "cell_type"), "electrode"),
    **dict.fromkeys(("counter", "reference_electrode"), "counter_electrode"),
}


def meant(name: str) -> str | None:
    """Return the field that a column of this name plausibly means, ``None`` for a name that says something else."""
    return _MEANT.get(re.sub(r"[^0-9a-zµ]+", "_", name.casefold()).strip("_"))


def unclear_names(cell: Cell, sample: Sample | None, said: Mapping[str, tuple[Scalar, Entry]]) -> Iterable[Finding]:
    """Ask about names that plausibly mean a field, unless who uses them states that field too."""
    for name, (value, entry) in said.items():
        name_meant = meant(name) if name in cell.extra else None
        if name_meant is None:
            continue
        thing = cell if name_meant in CELL_FIELDS else sample
        used = None if thing is None else getattr(thing, name_meant)
        source = "" if thing is None else thing.sources.get(name_meant, "")
        if used is not None and rank(source) >= rank(entry.kept_as):
            continue
        by_hand = entry.kept_as == BY_HAND
        instead = "" if used is None else f"; {name_meant} is {written(used)}, by {in_words(source)}"
        stated = quoted(f"{name_meant}={written(value)}")
        said_so = f"lirich cells {quoted(cell.key)} --set {stated} --unset {quoted(name)} (in that unit)"
        yield Finding(
            code="column-like-a-field",
            message=f"{name if by_hand else f'column {name}'} is kept as a group{instead}; did you mean {name_meant}?",
            advice=f"If so: {said_so}"
            if by_hand
            else f"If so, rename it to {name_meant} (in that unit) and add the folder again",
            where=cell.key,
        )

"""Stability windows: the published ones, pymatgen's, and what must not be answered."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lirich.errors import CompositionError

pytest.importorskip("pymatgen.core")

from lirich.interfaces.embedded import embedded_table
from lirich.interfaces.phases import EnergyTable, table_of_json
from lirich.interfaces.windows import decomposition, window
from lirich.testing.published_windows import compared

LATP_ALONE = "LiTi2(PO4)3"


def test_published_windows() -> None:
    found = compared(embedded_table())
    assert found.withheld <= 1
    assert len(found.errors) + found.withheld == 23
    assert np.mean(found.errors) <= 0.05
    assert max(found.errors) <= 0.15
    assert all(limit.reason for one in found.windows for limit in (one.reduction, one.oxidation) if limit.withheld)


def test_products_are_those_of_the_papers() -> None:
    sulfide = window(embedded_table(), "Li6PS5Cl", draws=0)
    assert sulfide.coverage.grade == "B"  # Li3PS4 is known by the potential alone
    assert set(sulfide.oxidation.products or {}) == {"Li3PS4", "S", "LiCl"}
    assert set(sulfide.reduction.products or {}) == {"P", "Li2S", "LiCl"}
    phosphate = window(embedded_table(), "Li3PO4", draws=0)
    assert phosphate.oxidation.products == pytest.approx({"Li4P2O7": 0.5, "O2": 0.25})
    assert phosphate.oxidation.lithium == pytest.approx(-1.0)
    assert set(phosphate.reduction.products or {}) == {"Li3P", "Li2O"}
    assert phosphate.reduction.lithium == pytest.approx(8.0)


@pytest.mark.data
def test_li3po4_on_the_entries_of_the_materials_project(shared_data: Path) -> None:
    packed = next((shared_data / "interfaces" / "mp_fe_li_o_p").glob("*.json.gz"))
    table = table_of_json(gzip.decompress(packed.read_bytes()).decode(), "Materials Project")
    found = window(table, "Li3PO4", draws=0)
    assert found.reduction.voltage == pytest.approx(0.69, abs=0.03)
    assert found.oxidation.voltage == pytest.approx(4.21, abs=0.03)
    assert found.above_hull_ev_atom == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("formula", ["Li3PO4", "LiNbO3", "Li3InCl6", "Li6PS5Cl", "Li2SiO3"])
def test_pymatgen_finds_the_same_limits(formula: str) -> None:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition, Element

    target = Composition(formula)
    system = embedded_table().system({e.symbol for e in target} | {"Li"})
    entries = [
        PDEntry(Composition(dict(p.amounts)), p.formation_energy_ev_atom * p.atoms, name=p.formula)
        for p in system.phases
    ]
    hull = PhaseDiagram(entries).get_hull_energy(target)
    diagram = PhaseDiagram([*entries, PDEntry(target, hull - 1e-6 * target.num_atoms, name=formula)])
    profile = diagram.get_element_profile(Element("Li"), target)
    flat = [i for i, step in enumerate(profile) if abs(step["evolution"]) < 1e-8]
    found = window(embedded_table(), formula, draws=0)
    assert found.reduction.voltage == pytest.approx(-profile[flat[0]]["chempot"], abs=1e-3)
    assert found.oxidation.voltage == pytest.approx(-profile[flat[-1] + 1]["chempot"], abs=1e-3)


def test_a_mixture_is_that_of_the_phase_diagram_and_balanced() -> None:
    """Li2O, MnO2 and Al2O3 make 2 Li2MnO3 + LiAlO2."""
    found = decomposition(embedded_table(), {"Li": 5.0, "Mn": 2.0, "Al": 1.0, "O": 8.0})
    assert found == pytest.approx({"Li2MnO3": 2.0, "LiAlO2": 1.0})
    with pytest.raises(CompositionError, match="Og"):
        decomposition(embedded_table(), {"Og": 1.0, "O": 1.0})


def test_a_limit_is_withheld_where_the_phases_are_missing() -> None:
    whole = embedded_table()
    without = EnergyTable("no potential", tuple(p for p in whole.phases if not p.scheme.startswith("CHGNet")))
    thin = window(without, LATP_ALONE, draws=0)
    assert thin.coverage.grade == "D"
    assert thin.oxidation.voltage is None
    assert thin.oxidation.withheld
    assert "P-Ti-O" in thin.oxidation.reason
    # with the phases that the potential supplies it is answered, graded for what it is, and not 7.5 V
    found = window(whole, LATP_ALONE, draws=20)
    assert found.coverage.grade == "B"
    assert found.oxidation.voltage == pytest.approx(4.6, abs=0.4)
    assert any("machine-learned" in note for note in found.notes)


def test_error_bars_grow_with_the_errors_of_the_energies() -> None:
    table = embedded_table()
    twice = EnergyTable("twice", tuple(replace(p, sd_ev_atom=2 * p.sd_ev_atom) for p in table.phases))
    once, more = (window(t, "LiCl", draws=400).oxidation for t in (table, twice))
    chloride = table.by_formula["LiCl"]
    # one phase decides: V = −2 E(LiCl) per atom, so that sd(V) = 2 sd
    assert once.sd == pytest.approx(2 * chloride.sd_ev_atom, rel=0.1)
    assert more.sd == pytest.approx(2 * (once.sd or 0.0), rel=1e-6)
    assert once.low is not None
    assert once.high is not None
    assert once.voltage is not None
    assert once.low < once.voltage < once.high
    assert window(table, "LiCl", draws=400).oxidation == once  # the same seed, the same answer


def test_a_compound_without_lithium_has_no_oxidation_limit() -> None:
    found = window(embedded_table(), "Al2O3", draws=0)
    assert found.oxidation.voltage is None
    assert not found.oxidation.withheld
    assert found.reduction.voltage is not None


def test_a_compound_that_the_table_lacks_is_put_on_the_hull_and_said_to_be() -> None:
    found = window(embedded_table(), "Li4Mn5O12", draws=0)
    assert found.above_hull_ev_atom is None
    assert "not in the table" in found.notes[0]
    assert found.reduction.voltage is not None
    assert found.oxidation.voltage is not None
    assert found.reduction.voltage < found.oxidation.voltage


@pytest.mark.parametrize("formula", ["Li3PuO4", "Li3PX4", "(Li"])
def test_what_cannot_be_asked(formula: str) -> None:
    with pytest.raises(CompositionError):
        window(embedded_table(), formula)


def test_deep_metastability_is_refused() -> None:
    table = embedded_table()
    raised = EnergyTable(
        "raised",
        tuple(
            replace(p, formation_energy_ev_atom=p.formation_energy_ev_atom + 0.5) if p.formula == "Li3PO4" else p
            for p in table.phases
        ),
    )
    with pytest.raises(CompositionError, match="above the hull"):
        window(raised, "Li3PO4", draws=0)

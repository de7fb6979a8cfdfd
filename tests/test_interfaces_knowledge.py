"""Electrolytes, elements and clusters: published figures, rules at their limits, recovered groups."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lirich.errors import CompositionError, InputError, NotEnoughDataError, UnknownNameError
from lirich.interfaces.clusters import pick_per_cluster
from lirich.interfaces.elements import element_facts, element_table, formula_facts
from lirich.interfaces.knowledge import class_facts, distance, electrolyte, electrolyte_class, measurements
from lirich.model import Composition
from lirich.workbench.solids.electrolytes import look_up_electrolyte, polymer_electrolytes

ROOT = Path(__file__).resolve().parents[1]
OBELIX = ROOT.parent / "shared/data/interfaces/obelix/all.csv"


def test_published_conductivities() -> None:
    assert len(measurements()) == 599
    lgps = electrolyte("Li10GeP2S12")
    assert any(m.conductivity_s_cm == 0.012 and "10.1038/nmat3066" in m.dois for m in lgps.measurements)
    yttrium = electrolyte("Li3YCl6")  # Asano et al., Adv. Mater. 30 (2018) 1803075
    assert yttrium.median_s_cm == pytest.approx(5.39e-4)
    garnet = electrolyte("Li7La3Zr2O12")
    assert garnet.low_s_cm is not None
    assert garnet.median_s_cm is not None
    assert garnet.high_s_cm is not None
    assert garnet.low_s_cm < 1e-5 < garnet.median_s_cm < garnet.high_s_cm  # the tetragonal phase is among them


def test_one_formula_however_it_is_written() -> None:
    plain = electrolyte("Li6PS5Cl")
    for other in ("ClLi6PS5", "Li12P2S10Cl2", "Li6PS5Cl1.0"):
        assert electrolyte(other).measurements == plain.measurements
    nasicon = electrolyte("Li1.3Al0.3Ti1.7(PO4)3")
    assert nasicon.known
    assert nasicon.measurements == electrolyte("Li1.3Al0.3Ti1.7P3O12").measurements


def test_a_formula_that_was_not_measured_has_no_value_but_relatives() -> None:
    unknown = electrolyte("Li6PS5Cl0.6Br0.4")
    assert not unknown.known
    assert unknown.median_s_cm is None
    assert unknown.relatives[0].formula == "Li6PS5Cl0.5Br0.5"
    assert unknown.relatives[0].distance == pytest.approx(0.1 / 13)
    assert "is not in OBELiX" in unknown.note
    assert "no value of this formula" in unknown.note
    alone = electrolyte("Li2SO4")
    assert alone.relatives == ()
    assert "nor is any oxide" in alone.note


def test_upper_limits_stay_limits() -> None:
    limits = [m for m in measurements() if m.bound == "<"]
    assert len(limits) > 30
    one = electrolyte(limits[0].formula)
    assert one.bounded >= 1


@pytest.mark.parametrize(
    ("formula", "kind"),
    [
        ("Li6PS5Cl", "sulfide"), ("Li10GeP2Se12", "sulfide"), ("Li2SO4", "oxide"), ("Li3PO4", "oxide"),
        ("Li7La3Zr2O12", "oxide"), ("Li3InCl6", "halide"), ("LiF", "halide"), ("Li3OCl", "oxyhalide"),
        ("Li3N", "nitride"), ("LiBH4", "hydride"), ("Li3P", "phosphide"), ("LiPO2.9N0.1", "oxide"),
    ],
)  # fmt: skip
def test_classes(formula: str, kind: str) -> None:
    assert electrolyte_class(formula) == kind


def test_families_of_obelix_fall_in_the_classes() -> None:
    for family, kind in (("garnet", "oxide"), ("NASICON", "oxide"), ("LGPS", "sulfide"), ("thio-LISICON", "sulfide")):
        assert {electrolyte_class(m.formula) for m in measurements() if m.family == family} == {kind}


def test_distance_is_a_share_of_atoms() -> None:
    assert distance({"Li": 0.5, "Cl": 0.5}, {"Li": 0.5, "Br": 0.5}) == pytest.approx(0.5)
    assert distance({"Li": 1.0}, {"Li": 1.0}) == 0.0
    assert distance({"Li": 1.0}, {"Na": 1.0}) == 1.0


def test_every_class_says_what_water_does_or_who_says_it_is_not_known() -> None:
    for kind in ("sulfide", "oxide", "halide", "hydride", "phosphide"):
        assert class_facts(kind, "moisture")
    assert all(f.source and f.checked in ("review", "memory") for f in class_facts("polymer"))
    with pytest.raises(UnknownNameError, match="sulfide"):
        class_facts("sulphide")


def test_literature_records_stand_beside() -> None:
    sulfide = look_up_electrolyte("Li6PS5Cl")
    assert [v.quantity for v in sulfide.literature if "sulfide" in v.subject.key] == ["oxidative_instability_voltage_v"]
    halide = look_up_electrolyte("Li3InCl6")
    assert not [v for v in halide.literature if "sulfide" in v.subject.key]
    assert [v.subject.key for v in halide.literature] == ["LRM/SSE interface"]
    facts, records = polymer_electrolytes()
    assert any(f.topic == "contact" for f in facts)
    assert "PPA polymer layer" in {v.subject.key for v in records}


def test_what_is_no_electrolyte_is_said() -> None:
    for formula in ("Na3PS4", "Li", "Li6PS5Xx"):
        with pytest.raises(CompositionError):
            electrolyte(formula)


@pytest.mark.data
@pytest.mark.skipif(not OBELIX.is_file(), reason=f"{OBELIX} is not there")
def test_the_table_is_what_the_script_derives() -> None:
    carried = (ROOT / "src/lirich/interfaces/electrolytes.csv").read_bytes()
    command = [sys.executable, "script/derive-electrolyte-table", str(OBELIX)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "599 electrolytes" in done.stdout
    assert (ROOT / "src/lirich/interfaces/electrolytes.csv").read_bytes() == carried
    printed = list(csv.DictReader(io.StringIO(OBELIX.read_text(encoding="utf-8"))))
    assert [m.conductivity_s_cm for m in measurements()] == pytest.approx(
        [float(row["Ionic conductivity (S cm-1)"].strip().removeprefix("<")) for row in printed], rel=1e-5
    )


def test_cost_of_a_formula_is_the_sum_of_its_elements() -> None:
    lithia = formula_facts("Li2O")
    share = 2 * 6.94 / (2 * 6.94 + 15.999)
    expected = share * element_facts("Li").price_usd_per_kg + (1 - share) * element_facts("O").price_usd_per_kg
    assert lithia.cost_usd_per_kg == pytest.approx(expected, rel=1e-4)
    assert sum(lithia.cost_shares.values()) == pytest.approx(1.0)
    assert formula_facts("Li4O2").cost_usd_per_kg == pytest.approx(lithia.cost_usd_per_kg)


def test_germanium_and_tantalum_make_dear_and_scarce_electrolytes() -> None:
    lgps, argyrodite = formula_facts("Li10GeP2S12"), formula_facts("Li6PS5Cl")
    assert lgps.cost_usd_per_kg > 5 * argyrodite.cost_usd_per_kg
    assert max(lgps.cost_shares, key=lambda e: lgps.cost_shares[e]) == "Ge"
    assert lgps.scarcest == "Ge"
    assert "Ge" in lgps.critical
    assert formula_facts("LiTaO3").cost_usd_per_kg > formula_facts("LiNbO3").cost_usd_per_kg


def test_abundances_are_those_of_a_crust() -> None:
    table = element_table()
    order = sorted(table, key=lambda e: -table[e].crust_ppm)
    assert order[:8] == ["O", "Si", "Al", "Fe", "Ca", "Na", "Mg", "K"]  # CRC Handbook; every textbook
    assert sum(f.crust_ppm for f in table.values()) == pytest.approx(1e6, rel=0.02)
    needed = "Li O P S Cl Br I F B W Nb Zr Ti La Al Mg Ta Y In Si Ge C H Gd Na Mn Ni Co"
    assert set(table) >= set(needed.split())


def test_toxicity_follows_the_worst_statement() -> None:
    assert [element_facts(e).toxicity for e in ("Ni", "Cd", "B", "Mn", "Al", "Zr")] == [
        "high", "high", "high", "moderate", "low", "low",
    ]  # fmt: skip
    assert formula_facts("Li2B4O7").toxic == ("B",)
    assert formula_facts("Al2O3").toxicity == "low"
    with pytest.raises(UnknownNameError, match="Tc"):
        formula_facts("LiTcO2")


def test_clusters_that_were_made_are_found_and_the_best_of_each_is_picked() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 600.0]])
    points = np.concatenate([c + rng.normal(0.0, [0.3, 30.0], (15, 2)) for c in centres])
    names = [f"c{i:02d}" for i in range(45)]
    scores = rng.random(45)
    found = pick_per_cluster(names, {"ev": points[:, 0], "mev": points[:, 1], "same": np.ones(45)}, scores)
    assert {frozenset(c.members) for c in found.clusters} == {frozenset(names[i : i + 15]) for i in (0, 15, 30)}
    assert set(found.picks) == {names[i + int(np.argmax(scores[i : i + 15]))] for i in (0, 15, 30)}
    assert found.constant == ("same",)
    assert found.silhouette > 0.7
    best = [scores[names.index(p)] for p in found.picks]
    assert best == sorted(best, reverse=True)


def test_units_do_not_matter_and_order_does_not() -> None:
    rng = np.random.default_rng(2)
    a, b, scores = rng.normal(size=30), np.repeat([0.0, 5.0], 15) + rng.normal(size=30), rng.random(30)
    names = [f"c{i}" for i in range(30)]
    one = pick_per_cluster(names, {"a": a, "b": b}, scores, clusters=2)
    other = pick_per_cluster(names, {"a": 1000.0 * a, "b": b - 7.0}, scores, clusters=2)
    assert [c.members for c in one.clusters] == [c.members for c in other.clusters]


def test_a_single_cloud_is_one_cluster() -> None:
    rng = np.random.default_rng(3)
    cloud = {f"d{k}": rng.normal(size=60) for k in range(8)}
    found = pick_per_cluster([f"c{i}" for i in range(60)], cloud, rng.random(60))
    assert len(found.clusters) == 1
    assert "no clusters" in found.note


def test_clusters_refuse_what_they_cannot_use() -> None:
    names = ["a", "b", "c"]
    with pytest.raises(InputError, match="missing for b"):
        pick_per_cluster(names, {"x": [1.0, float("nan"), 2.0]}, [1, 2, 3])
    with pytest.raises(InputError, match="shape"):
        pick_per_cluster(names, {"x": [1.0, 2.0]}, [1, 2, 3])
    with pytest.raises(InputError, match="twice"):
        pick_per_cluster(["a", "a", "b"], {"x": [1.0, 2.0, 3.0]}, [1, 2, 3])
    with pytest.raises(InputError, match="5 clusters"):
        pick_per_cluster(names, {"x": [1.0, 2.0, 3.0]}, [1, 2, 3], clusters=5)
    with pytest.raises(NotEnoughDataError, match="differs"):
        pick_per_cluster(names, {"x": [1.0, 1.0, 1.0]}, [1, 2, 3])
    with pytest.raises(NotEnoughDataError, match="2 candidates"):
        pick_per_cluster(names[:2], {"x": [1.0, 2.0]}, [1, 2])


def test_masses_are_those_of_the_model() -> None:
    facts = formula_facts("Li1.2Mn0.54Ni0.13Co0.13O2")
    assert Composition.parse(facts.formula).molar_mass_g_mol == pytest.approx(85.3, abs=0.2)
    assert facts.cost_usd_per_kg > 1.0

"""Impedance tests: read, kept, analysed, exported, and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lirich import Workspace, read
from lirich.cells.eis import analyse_spectra
from lirich.cells.kramers_kronig import kramers_kronig
from lirich.cells.spectrum import choose_circuit, circuit, fit_spectrum
from lirich.errors import DamagedFileError, InconsistentDataError, InputError, NotEnoughDataError
from lirich.model import Cell, Conditions, Sample
from lirich.model.format import format_conditions
from lirich.model.spectra import FREQUENCY, IMAGINARY, REAL, is_spectrum, split_spectra
from lirich.readers import get_reader
from lirich.readers.bdf_impedance import write_bdf_impedance
from lirich.reports import write_report
from lirich.testing import check_reader
from lirich.testing.binary_files import mpr_bytes
from lirich.workbench.comparison.comparable import same_figure, unlike
from lirich.workbench.export import export

HERTZ = np.geomspace(1e5, 1e-4, 73)
TRUTH = {"series": 4.0, "transfer": 30.0, "layer": 3e-3, "warburg": 40.0, "time": 900.0, "arc": 12.0, "arc_f": 2e-5}


def spectrum(exponents: tuple[float, float] = (1.0, 1.0), noise: float = 0.0, seed: int = 0) -> pl.DataFrame:
    whole = circuit(HERTZ, np.log(list(TRUTH.values())), exponents)
    rng = np.random.default_rng(seed)
    error = noise / np.sqrt(2) * np.abs(whole)
    whole = whole + error * (rng.normal(size=HERTZ.size) + 1j * rng.normal(size=HERTZ.size))
    return pl.DataFrame({FREQUENCY: HERTZ, REAL: whole.real, IMAGINARY: whole.imag})


def whole_of(table: pl.DataFrame) -> np.ndarray:
    return table[REAL].to_numpy() + 1j * table[IMAGINARY].to_numpy()


# --- the circuit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponents", [(1.0, 1.0), (0.8, 0.9)])
def test_a_spectrum_is_read_back_and_its_kind_is_found(exponents: tuple[float, float]) -> None:
    fit = choose_circuit(spectrum(exponents, noise=0.002), radius_m=3e-7)
    assert fit.arcs == ("two arcs" if exponents == (1.0, 1.0) else "two arcs, depressed")
    truths = {
        "series_ohm": TRUTH["series"],
        "charge_transfer_ohm": TRUTH["transfer"],
        "double_layer_f": TRUTH["layer"],
        "time_s": TRUTH["time"],
        "counter_ohm": TRUTH["arc"],
        "diffusivity_m2_s": 9e-14 / TRUTH["time"],
    }
    for name, truth in truths.items():
        interval = fit.intervals[name]
        assert getattr(fit, name) == pytest.approx(truth, rel=0.08)
        assert interval.low < truth * 1.02
        assert interval.high > truth * 0.98
    assert fit.resolved


def test_many_circuits_at_once_are_each_of_them() -> None:
    numbers = np.log(list(TRUTH.values())) + np.array([[0.0], [0.3], [-1.0]])
    alpha, beta = np.array([[1.0], [0.8], [0.6]]), np.array([[0.7], [1.0], [0.9]])
    for one, row, a, b in zip(circuit(HERTZ, numbers, (alpha, beta)), numbers, alpha, beta, strict=True):
        np.testing.assert_allclose(one, circuit(HERTZ, row, (float(a[0]), float(b[0]))), rtol=1e-12)


def test_one_arc_is_taken_for_one() -> None:
    numbers = np.log([TRUTH[n] for n in ("series", "transfer", "layer", "warburg", "time")])
    whole = circuit(HERTZ, numbers)
    fit = choose_circuit(pl.DataFrame({FREQUENCY: HERTZ, REAL: whole.real, IMAGINARY: whole.imag}))
    assert fit.arcs == "one arc"
    assert fit.charge_transfer_ohm == pytest.approx(TRUTH["transfer"], rel=1e-4)
    assert fit.diffusivity_m2_s is None
    assert fit.time_s == pytest.approx(TRUTH["time"], rel=1e-4)


@pytest.mark.slow
def test_intervals_cover_what_they_say() -> None:
    hits = 0
    for seed in range(12):
        fit = fit_spectrum(spectrum(noise=0.005, seed=seed), None)
        interval = fit.intervals["charge_transfer_ohm"]
        hits += interval.low <= TRUTH["transfer"] <= interval.high
    assert hits >= 10


# --- Kramers and Kronig --------------------------------------------------------------------------------------------


def test_a_circuit_obeys_kramers_and_kronig_and_noise_is_measured() -> None:
    assert kramers_kronig(HERTZ, whole_of(spectrum())).residual < 1e-3
    noise = kramers_kronig(HERTZ, whole_of(spectrum(noise=0.005))).residual
    assert noise == pytest.approx(0.005, rel=0.3)


def test_a_cell_that_drifts_breaks_the_relations() -> None:
    """The resistance grows by a half while the low frequencies are measured, as after too short a rest."""
    drift = 1.0 + 0.5 * np.linspace(0.0, 1.0, HERTZ.size) ** 4
    numbers = np.log(list(TRUTH.values()))
    whole = np.array(
        [circuit(HERTZ[i : i + 1], numbers + np.log(drift[i]) * np.array([0, 1, 0, 1, 0, 0, 0]))[0] for i in range(73)]
    )
    found = kramers_kronig(HERTZ, whole * (1 + 0.05 * np.sin(3 * np.log(HERTZ))))
    assert not found.sound
    with pytest.raises(NotEnoughDataError):
        kramers_kronig(HERTZ[:3], whole[:3])


# --- the table -----------------------------------------------------------------------------------------------------


def test_spectra_of_one_file_are_told_apart() -> None:
    one = spectrum()
    assert [s.height for s in split_spectra(pl.concat([one, one]))] == [73, 73]
    loops = [one.with_columns(pl.lit(n).alias("cycle_count")) for n in (1, 2, 3)]
    assert len(split_spectra(pl.concat(loops))) == 3
    assert len(split_spectra(one)) == 1
    assert len(split_spectra(one.reverse())) == 1


@pytest.mark.slow
def test_values_have_voltage_interval_and_doubts() -> None:
    table = spectrum(noise=0.002).with_columns(pl.lit(3.912).alias("voltage_volt"))
    cell, sample = Cell(key="A"), Sample(key="S", particle_diameter_um=0.6)
    found = analyse_spectra(table, cell, sample)
    by_key = {v.quantity: v for v in found.values}
    assert by_key["charge_transfer_resistance_ohm"].value == pytest.approx(TRUTH["transfer"], rel=0.05)
    assert by_key["lithium_diffusivity_m2_s"].value == pytest.approx(1e-16, rel=0.1)
    assert by_key["lithium_diffusivity_m2_s"].conditions.particle_radius_m == pytest.approx(3e-7)
    assert by_key["double_layer_capacitance_f"].value == pytest.approx(TRUTH["layer"], rel=0.05)
    assert {v.conditions.voltage_v for v in found.values} == {3.912}
    assert all(v.interval is not None for k, v in by_key.items() if k != "kramers_kronig_residual")
    assert not found.findings
    assert found.table["charge_transfer_resistance_ohm"][0] == by_key["charge_transfer_resistance_ohm"].value
    early = analyse_spectra(table.filter(pl.col(FREQUENCY) > 0.1), cell, sample)
    late = {v.quantity: v for v in early.values}
    assert "out-of-validity" in late["lithium_diffusivity_m2_s"].flags
    nameless = analyse_spectra(table, cell, None)
    assert "missing-particle-diameter-um" in {f.code for f in nameless.findings}
    assert "lithium_diffusivity_m2_s" not in {v.quantity for v in nameless.values}
    short = analyse_spectra(table.head(8), cell, sample)
    assert [f.code for f in short.findings] == ["not-enough-data"]


@pytest.mark.slow
def test_a_spectrum_that_the_circuit_does_not_explain_says_so() -> None:
    """Three arcs, and a circuit that has two."""
    third = 25.0 / (1.0 + 2j * np.pi * HERTZ * 25.0 * 1e-7)
    whole = whole_of(spectrum()) + third
    found = analyse_spectra(pl.DataFrame({FREQUENCY: HERTZ, REAL: whole.real, IMAGINARY: whole.imag}), Cell(key="A"))
    assert "circuit-misfit" in {f.code for f in found.findings}
    assert all("circuit-misfit" in v.flags for v in found.values if v.quantity != "kramers_kronig_residual")


# --- files ---------------------------------------------------------------------------------------------------------


def test_the_battery_data_format_is_written_and_read_alike(tmp_path: Path) -> None:
    table = spectrum().select(pl.Series("test_time_second", np.arange(73.0)), pl.all())
    for suffix in (".csv", ".parquet"):
        path = write_bdf_impedance(table, tmp_path / f"A.eis1.bdf{suffix}")
        reading = read(path)
        assert reading.reader == "bdf-impedance"
        assert reading.table.equals(table)
    labels = "Frequency / Hz,Absolute Impedance / ohm,Phase / deg\n1000,5,-45\n1,10,-90\n"
    (tmp_path / "polar.csv").write_text(labels)
    polar = read(tmp_path / "polar.csv").table
    assert polar[REAL].to_list() == pytest.approx([5 / np.sqrt(2), 0.0], abs=1e-12)
    assert polar[IMAGINARY].to_list() == pytest.approx([-5 / np.sqrt(2), -10.0])
    with pytest.raises(InputError):
        write_bdf_impedance(table.drop(REAL), tmp_path / "no.csv")


def test_the_reader_keeps_its_contract(tmp_path: Path) -> None:
    path = write_bdf_impedance(spectrum(), tmp_path / "A.bdf.csv")
    check_reader(get_reader("bdf-impedance"), [path], mutated=150)


def test_what_cannot_be_an_impedance_is_refused_or_said(tmp_path: Path) -> None:
    def given(table: pl.DataFrame) -> Path:
        return write_bdf_impedance(table, tmp_path / "x.csv")

    with pytest.raises(InconsistentDataError, match="real parts"):
        read(given(spectrum().with_columns(-pl.col(REAL))))
    with pytest.raises(InconsistentDataError, match="goes back"):
        read(given(spectrum().select(pl.Series("test_time_second", np.arange(73.0)[::-1]), pl.all())))
    with pytest.raises(DamagedFileError):
        read(given(spectrum().with_columns(pl.lit(0.0).alias(FREQUENCY))))
    flipped = read(given(spectrum().with_columns(-pl.col(IMAGINARY))))
    assert "imaginary-sign-doubtful" in {f.code for f in flipped.findings}
    holes = spectrum().with_columns(pl.when(pl.col(FREQUENCY) > 1e3).then(None).otherwise(pl.col(REAL)).alias(REAL))
    reading = read(given(holes))
    assert reading.table.height == spectrum().filter(pl.col(FREQUENCY) <= 1e3).height
    assert "impedance-rows-unusable" in {f.code for f in reading.findings}


def test_impedance_of_ec_lab_is_read(tmp_path: Path) -> None:
    pytest.importorskip("galvani")
    path = tmp_path / "eis.mpr"
    path.write_bytes(mpr_bytes(columns="impedance"))
    reading = read(path)
    assert is_spectrum(reading.table)
    assert reading.table[REAL].to_list() == [5.0] * 30
    assert reading.table[IMAGINARY].to_list() == [-1.0] * 30


@pytest.mark.slow
@pytest.mark.data
def test_a_measured_spectrum_is_kept_analysed_and_exported(shared_data: Path, tmp_path: Path) -> None:
    """60 points, 10 kHz to 9 mHz: arcs of 5 to 75 Ω, as the instrument's own columns show them."""
    pytest.importorskip("galvani")
    space = Workspace.create(tmp_path / "w")
    added = space.add([shared_data / "cycling" / "biologic_peis_60pts.mpr"], cell="P")
    assert [a.test.kind for a in added.added] == ["impedance"]
    space.analyse()
    view = space.cells["P"]
    values = {v.quantity: v for v in view.values}
    assert values["kramers_kronig_residual"].value < 1.0
    arcs = sum(values[k].value for k in ("charge_transfer_resistance_ohm", "second_arc_resistance_ohm"))
    assert values["series_resistance_ohm"].value < 5.6
    assert 55 < arcs < 75
    assert values["charge_transfer_resistance_ohm"].origin == "measured"
    assert values["charge_transfer_resistance_ohm"].conditions.voltage_v == pytest.approx(3.048, abs=0.001)
    assert values["charge_transfer_resistance_ohm"].provenance.files == (added.added[0].test.raw.sha256,)
    assert not space.check()
    assert space.analyse().unchanged == ["P"]
    page = write_report(space, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "−Im Z against Re Z" in page
    assert "charge-transfer resistance" in page.casefold()
    with pytest.raises(NotEnoughDataError, match="impedance and no cycling"):
        _ = view.analysis
    written = export(space, tmp_path / "out")
    assert {"P.eis1.bdf.csv", "P.spectra.csv"} <= {path.name for path in written}
    again = Workspace.create(tmp_path / "w2")
    back = again.add([tmp_path / "out"])
    assert [(a.cell, a.test.kind) for a in back.added] == [("P", "impedance")]
    assert (
        again.cells["P"].spectrum_tables()["P.eis1.bdf.csv"].equals(view.spectrum_tables()["biologic_peis_60pts.mpr"])
    )


def test_resistances_at_unlike_voltages_are_not_compared() -> None:
    """A charge-transfer resistance at 3.9 V is another figure than one at 4.3 V."""

    def resistance(volts: float, number: int) -> Conditions:
        return Conditions(voltage_v=volts, segment="impedance", other={"spectrum": number})

    key = "charge_transfer_resistance_ohm"
    assert unlike(key, resistance(3.9, 1), resistance(3.905, 4)) == ()
    assert same_figure(key, resistance(3.9, 1), resistance(3.905, 4))
    assert unlike(key, resistance(3.9, 1), resistance(4.3, 1)) == ("voltage_v",)
    assert not same_figure(key, resistance(3.9, 1), resistance(4.3, 1))
    assert "at 3.9 V" in format_conditions(resistance(3.9, 1))

"""Simulated impedance: the spectrum at the end of a simulated cell's programme becomes a test of that cell.

It is stored as a measured one would be: its table as a curve, and a JSON document with model, parameters, programme and
frequencies as its raw file. What the model knows of the resistances stands in the test's metadata, to be compared with
what is read from the spectrum alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lirich import __version__
from lirich.errors import ConflictingMetadataError, InputError
from lirich.model import Test, content_hash
from lirich.workbench.extras import need_cells
from lirich.workbench.simulation.document import computed, model_of, programme_of, text_of
from lirich.workbench.simulation.simulate import READER

if TYPE_CHECKING:
    from lirich.compute import Progress
    from lirich.store import Store

FREQUENCIES = (1e-4, 1e5, 73)
"""Lowest and highest frequency (Hz) and number of frequencies: eight per decade."""


@dataclass(frozen=True, slots=True)
class SimulatedSpectrum:
    """The impedance test of a simulated cell, and whether it was there already."""

    cell: str
    test: Test
    already: bool

    @property
    def truth(self) -> dict[str, float]:
        """What the model knows: resistances (Ω), double layer (F), potential (V), area (m²) and length (m)."""
        return {k: v for k, v in self.test.metadata.items() if isinstance(v, float)}


def simulate_spectrum(
    store: Store, cell: str, *, progress: Callable[[Progress], None] | None = None
) -> SimulatedSpectrum:
    """Compute and enter the impedance of a simulated cell; see `lirich.workbench.Workspace.simulate_impedance`."""
    need_cells("A simulated impedance")
    from lirich.cells.impedance import COUNTER_F, DOUBLE_LAYER_F_M2

    tests = store.tests(store.cell(cell).key)
    made = next((t for t in tests if t.reader == READER and t.kind == "cycling"), None)
    if made is None:
        raise InputError(f"{cell!r} is no simulated cell", expected="a cell that lirich simulate made")
    of = json.loads(store.raw_path(made.raw.sha256).read_text(encoding="utf-8"))
    document = {
        "kind": "lirich simulated impedance",
        "cell": cell,
        "simulated": True,
        "of": made.raw.sha256,
        **{name: of[name] for name in ("model", "parameter_set", "parameters", "programme", "versions")},
        "frequencies_hertz": list(FREQUENCIES),
        "double_layer_f_m2": DOUBLE_LAYER_F_M2,
        "counter_f": COUNTER_F,
    }
    result = computed(
        spectrum_task,
        store,
        document,
        still_valid=lambda found: store.has_files(raw=[found["raw"]["sha256"]], curves=[found["curve"]]),
        progress=progress,
    )
    test = Test.model_validate(result)
    if any(t.kind == "impedance" and t.key != test.key for t in tests):
        raise ConflictingMetadataError(
            f"{cell!r} has another impedance already", expected="one for each simulated cell", advice="Remove it first"
        )
    return SimulatedSpectrum(cell, test, not store.put_test(test))


def spectrum_task(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Compute one spectrum, keep its files in the workspace's folders and return its `Test` as JSON."""
    import numpy as np
    import polars as pl

    from lirich.cells.impedance import impedance, rested
    from lirich.cells.simulation import Simulator
    from lirich.model.table import TEMPERATURE, VOLTAGE
    from lirich.readers.spectra import spectrum_table
    from lirich.workbench.stores import store_at

    document = parameters["document"]
    store = store_at(parameters["root"])
    simulator = Simulator(model_of(document).surface_resolved(), document["parameters"], compiled=False)
    low, high, count = document["frequencies_hertz"]
    spectrum = impedance(
        simulator,
        np.geomspace(low, high, int(count)),
        state=rested(simulator, before=programme_of(document)),
        double_layer_f_m2=document["double_layer_f_m2"],
        counter_f=document["counter_f"],
    )
    raw = store.put_raw_bytes("impedance.json", text_of(document).encode())
    kelvin = document["parameters"]["Ambient temperature [K]"]
    table = spectrum_table(
        spectrum.table.with_columns(
            pl.lit(spectrum.voltage_v).alias(VOLTAGE), pl.lit(round(kelvin - 273.15, 6)).alias(TEMPERATURE)
        ),
        name="impedance.json",
    )
    curve = store.put_curve(table)
    return Test(
        key=content_hash([raw.sha256, READER, __version__, [], curve]),
        cell=document["cell"],
        kind="impedance",
        raw=raw,
        reader=READER,
        reader_version=__version__,
        confidence=1.0,
        curve=curve,
        rows=table.height,
        metadata={
            "model": document["model"],
            "parameter_set": document["parameter_set"],
            "programme": document["programme"]["name"],
            **{name: value for name, value in vars(spectrum).items() if isinstance(value, float)},
        },
    ).model_dump(mode="json")

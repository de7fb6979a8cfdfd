"""Figures of one cell of a workspace, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lirich.errors import NotEnoughDataError, UnknownNameError

if TYPE_CHECKING:
    import polars as pl

    from lirich.plots import Band, Figure
    from lirich.workbench.views import CellView


def cell_figure(view: CellView, kind: str, **options: Any) -> Figure:
    """Return a figure of the cell; see `lirich.workbench.CellView.plot`."""
    try:
        draw = FIGURES[kind]
    except KeyError:
        raise UnknownNameError.of("figure", kind, FIGURES) from None
    for name in options:
        if name not in OPTIONS[kind]:
            raise UnknownNameError.of(f"option of the figure {kind!r}", name, OPTIONS[kind])
    figure = draw(view, options)
    if figure is None:
        raise NotEnoughDataError(
            f"{view.key} has no values for the figure {kind!r}", advice=_WANTED.get(kind, "See its values")
        )
    return figure


_WANTED = {
    "profiles": "Profiles are kept where all crystals are alike (single-particle, with-electrolyte, full-cell), "
    "after a programme with a charge to a voltage",
    "rate": "Rate capability needs discharges at several rates",
    "diffusivity": "Diffusivity needs a GITT or an ICI",
    "impedance": "Impedance needs a spectrum: a file of one, or lirich simulate --eis",
    "sites": "The course of the sites needs two cycles",
    "contact": "Contact is that of a solid-state cell, over two cycles",
}
"""What a figure asks for that not every test has."""


def bands(view: CellView) -> list[Band]:
    """Return the protocol of the cell as stretches of cycles to shade."""
    from lirich.plots import Band

    return [Band(s.kind, s.first_cycle, s.last_cycle) for s in view.segments if s.purpose]


def _voltage(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import voltage_profiles
    from lirich.plots.curves import rates_of_test

    options = {"counter": view.facts.counter_electrode, "rates": rates_of_test(view.cycles), **options}
    return voltage_profiles(view.voltage_curves(options.pop("cycles", None)), origin=view.origin, **options)


def _dqdv(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import dqdv_curves

    options = {"counter": view.facts.counter_electrode, **options}
    return dqdv_curves(view.result.dqdv_curves(options.pop("cycles", None)), origin=view.origin, **options)


def _hysteresis(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import hysteresis

    curves = view.result.hysteresis_curves(options.pop("cycles", None))
    return hysteresis(curves, origin=view.origin, **options)


def _of_cycles(name: str) -> Callable[[CellView, dict[str, Any]], Figure | None]:
    def draw(view: CellView, options: dict[str, Any]) -> Figure | None:
        from lirich import plots

        figure: Figure = getattr(plots, name)(view.cycles, bands=bands(view), origin=view.origin, **options)
        return figure

    return draw


def _of_values(name: str) -> Callable[[CellView, dict[str, Any]], Figure | None]:
    def draw(view: CellView, options: dict[str, Any]) -> Figure | None:
        from lirich import plots

        figure: Figure | None = getattr(plots, name)(view.values, origin=view.origin, **options)
        return figure

    return draw


def _of_states(name: str, table: str) -> Callable[[CellView, dict[str, Any]], Figure | None]:
    def draw(view: CellView, options: dict[str, Any]) -> Figure | None:
        from lirich import plots

        states = view.hidden(table)
        if name == "gas":  # drawn over the voltage
            options = {"counter": view.facts.counter_electrode, **options}
        figure: Figure | None = None if states is None else getattr(plots, name)(states, origin=view.origin, **options)
        return figure

    return draw


def _contact(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import contact

    states = view.hidden("states.parquet")
    if states is None:
        return None
    return contact(states, view.hidden("contact.parquet"), origin=view.origin, **options)


def _peaks(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import peaks

    return peaks(view.peaks, origin=view.origin, **options)


def _energy(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import energy

    return energy(view.cycles, origin=view.origin, **options)


def _impedance(view: CellView, options: dict[str, Any]) -> Figure | None:
    from lirich.plots import nyquist

    spectra = drawn_spectra(view)
    return nyquist(spectra, origin=view.origin, **options) if spectra else None


def drawn_spectra(view: CellView) -> list[tuple[str, pl.DataFrame, pl.DataFrame | None]]:
    """Return the spectra of a cell with the circuits that were read from them: name, spectrum, fitted."""
    from lirich.cells.eis import circuit_of_row
    from lirich.model.spectra import FREQUENCY, split_spectra

    read = view.spectra.rows(named=True)
    found: list[tuple[str, pl.DataFrame, pl.DataFrame | None]] = []
    for file, table in view.spectrum_tables().items():
        for number, spectrum in enumerate(split_spectra(table), start=1):
            row = next((r for r in read if r["file"] == file and r["spectrum"] == number), None)
            at = "" if row is None or row["voltage_v"] is None else f" at {row['voltage_v']:.3f} V"
            found.append(
                (
                    f"spectrum {len(found) + 1}{at}",
                    spectrum,
                    None if row is None else circuit_of_row(row, spectrum[FREQUENCY].to_numpy()),
                )
            )
    return found


FIGURES: dict[str, Callable[[CellView, dict[str, Any]], Figure | None]] = {
    "voltage": _voltage,
    "dqdv": _dqdv,
    "hysteresis": _hysteresis,
    "capacity": _of_cycles("capacity"),
    "mean-voltage": _of_cycles("mean_voltages"),
    "low-voltage": _of_cycles("low_voltage"),
    "protocol": _of_cycles("protocol"),
    "peaks": _peaks,
    "rate": _of_values("rate_test"),
    "diffusivity": _of_values("diffusivity"),
    "impedance": _impedance,
    "energy": _energy,
    "profiles": _of_states("crystal_content", "profiles.parquet"),
    "sites": _of_states("site_populations", "states.parquet"),
    "gas": _of_states("gas", "states.parquet"),
    "contact": _contact,
}
"""Every figure by name; ``profiles``, ``sites``, ``gas`` and ``contact`` show what only a simulated cell has."""

_OF_CURVES = ("cycles", "most_cycles", "most_points")

OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FIGURES, ()),
    "voltage": (*_OF_CURVES, "counter", "rates"),
    "dqdv": (*_OF_CURVES, "counter"),
    "hysteresis": _OF_CURVES,
    **dict.fromkeys(("capacity", "mean-voltage", "low-voltage", "protocol", "peaks"), ("most_cycles",)),
    "impedance": ("fit", "note"),
    "gas": ("counter",),
}
"""What can be chosen of each figure: which cycles of the test (``cycles``), how many of them and of their points are
drawn at most, and what the functions of `lirich.plots` take beside these."""

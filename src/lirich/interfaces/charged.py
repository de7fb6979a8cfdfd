"""Charged cathodes as computed compounds: how much energy a charge puts in, from total energies of charged cells.

The numbers that come with lirich (``charged.csv``) are made by ``script/derive-charged-cathodes``; those of another
cathode are computed by `lirich.workbench.crystals.charging` (``lirich atoms charge``), and come in through the same
table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from importlib import resources

from lirich.errors import CompositionError, InputError
from lirich.model import Composition

SAME_AMOUNT = 0.01
"""Per formula: cathodes whose amounts differ by less are one (a cell of whole atoms cannot be finer)."""


@dataclass(frozen=True, slots=True)
class ComputedCharge:
    """A charged cathode that was computed.

    ``charging_energy_ev`` per formula is ∫V dx of the lithium taken out, lithium as metal: that of the charged cell and
    lithium less that of the discharged cell. ``sd_ev`` is its standard deviation: that between orderings and that of
    the potential's voltages together. ``cell`` is what was computed, ``source`` with what.
    """

    cathode: str
    lithium_left: float
    charging_energy_ev: float
    sd_ev: float
    orderings: int
    cell: str
    source: str

    def of(self, formula: str) -> bool:
        """Say whether it is that cathode, in whatever order its elements are written."""
        mine, other = Composition.parse(self.cathode).amounts, Composition.parse(formula).amounts
        return set(mine) == set(other) and all(abs(mine[e] - other[e]) < SAME_AMOUNT for e in mine)


@cache
def computed_charges() -> tuple[ComputedCharge, ...]:
    """Return the charged cathodes that come with lirich."""
    return charges_of_csv(resources.files("lirich.interfaces").joinpath("charged.csv").read_text(encoding="utf-8"))


def charges_of_csv(text: str, name: str = "charged.csv") -> tuple[ComputedCharge, ...]:
    """Read a table of charged cathodes. Raises `InputError` for one that is not, with the line."""
    rows = csv.DictReader(text.splitlines())
    wanted = [f.name for f in fields(ComputedCharge)]
    if lacking := [key for key in wanted if key not in (rows.fieldnames or ())]:
        raise InputError(f"{name} has no column {', '.join(lacking)}", expected=",".join(wanted))
    found = []
    for number, row in enumerate(rows, start=2):
        try:
            charge = ComputedCharge(
                cathode=row["cathode"],
                lithium_left=float(row["lithium_left"]),
                charging_energy_ev=float(row["charging_energy_ev"]),
                sd_ev=float(row["sd_ev"]),
                orderings=int(row["orderings"]),
                cell=row["cell"],
                source=row["source"],
            )
            lithium = Composition.parse(charge.cathode).amount("Li")
        except (ValueError, TypeError, CompositionError) as error:
            raise InputError(f"{name}, line {number}: {error}", expected="a charged cathode with its energy") from error
        if not 0 <= charge.lithium_left < lithium or not charge.sd_ev >= 0 or not 0 < charge.charging_energy_ev < 1e3:
            raise InputError(
                f"{name}, line {number}: {charge.lithium_left:g} Li left of {lithium:g} at "
                f"{charge.charging_energy_ev:g} ± {charge.sd_ev:g} eV",
                expected="less lithium than the discharged cathode has, a positive energy",
            )
        found.append(charge)
    return tuple(found)


def csv_of_charges(charges: Sequence[ComputedCharge]) -> str:
    """Return charged cathodes as the text of a table that `charges_of_csv` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f.name for f in fields(ComputedCharge)])
    writer.writerows(astuple(charge) for charge in charges)
    return out.getvalue()

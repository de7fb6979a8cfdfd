"""What must be said of a completed curve: other conditions than the model's, few cells, a band that was not checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from lirich.learn.forecast import FEW_CELLS
from lirich.model import Conditions, Finding, Scalar, Severity

if TYPE_CHECKING:
    from lirich.store import ModelRecord
    from lirich.workbench.views import CellView

UNCALIBRATED = frozenset({"unlike-conditions", "unsettled", "other-origin", "seen-in-training", "not-calibrated"})
"""Codes of findings under which the coverage of a band is not that which was checked."""
_AGEING = frozenset({"ageing", "settled"})  # filters that leave cycles of the ageing alone


@dataclass(frozen=True, slots=True)
class Trained:
    """What a model was learned from: the *rates* of its curves, C, lowest and highest, and the filter of its cycles."""

    rates: tuple[float, float] | None
    only: str

    @classmethod
    def of(cls, keys: pl.DataFrame, only: str) -> Self:
        """Return that of curves with these keys."""
        rates = keys["rate_c"].drop_nulls().to_list()
        return cls((min(rates), max(rates)) if rates else None, only)

    @classmethod
    def by(cls, record: ModelRecord) -> Self:
        """Return what is known of a model that is kept."""
        told = record.parameters
        low, high = (told.get(name, told.get("rate_c")) for name in ("rate_low_c", "rate_high_c"))
        rates = (low, high) if isinstance(low, float) and isinstance(high, float) else None
        return cls(rates, str(told.get("only", "")))

    @property
    def parameters(self) -> dict[str, Scalar]:
        """What is kept with the model."""
        rates = {} if self.rates is None else {"rate_low_c": self.rates[0], "rate_high_c": self.rates[1]}
        return {"only": self.only, **rates}


def unlike_conditions(trained: Trained, cell: CellView, run: int, cycle: int, rate: float | None) -> list[Finding]:
    """Say how this very cycle was made otherwise than those that the model was learned from: rate, purpose, before."""
    table = cell.run(run).cycles.filter(pl.col("cycle") == cycle)
    segment = str(table["segment"][0] or "") if "segment" in table.columns and table.height else ""
    ageing = trained.only in _AGEING
    told = []
    if trained.rates is not None and not _within(trained.rates, rate):
        low, high = (f"{r:.3g}" for r in trained.rates)
        own = "an unknown rate" if rate is None else f"{rate:.3g}C"
        told.append(f"was made at {own}, and the model was learned at {low if low == high else f'{low} to {high}'}C")
    if ageing and segment not in ("", "ageing"):
        told.append(f"is one of {segment.replace('_', '-')}, and the model was learned from cycles of ageing")
    if told:
        return [
            Finding(
                code="unlike-conditions", severity=Severity.WARNING, where=cell.key,
                message=f"Cycle {cycle} of {cell.key} {'; it '.join(told)}: the band does not hold",
                advice="Learn from curves like it, with --only none and --save, or take a cycle like those",
            )
        ]  # fmt: skip
    if ageing and segment == "ageing" and "settled" in table.columns and not table["settled"][0]:
        return [
            Finding(
                code="unsettled", severity=Severity.WARNING, where=cell.key,
                message=f"Cycle {cycle} of {cell.key} follows one at another rate or window, and began from another "
                "state than nearly all that the model was learned from: the band may not hold",
                advice="Take a later cycle",
            )
        ]  # fmt: skip
    return []


def few_cells(cells: int) -> list[Finding]:
    """Say where a band was made of so few cells that nobody can check its level."""
    if cells >= FEW_CELLS:
        return []
    return [
        Finding(
            code="few-cells",
            message=f"Learned from {cells} cells: whether the band keeps its level cannot be checked",
            advice=f"From about {FEW_CELLS} cells on it can",
        )
    ]


def seen(model: str, cell: str) -> Finding:
    """Say that a model was trained on the very cell."""
    return Finding(
        code="seen-in-training",
        severity=Severity.WARNING,
        message=f"The model {model} was trained on curves of {cell} itself: what it completes here is no prediction",
        advice="Leave the model out: one is then learned from the other cells",
    )


def other_origin(cell: str, own: str, others: str) -> Finding:
    """Say that a cell is completed by cells of another origin."""
    return Finding(
        code="other-origin",
        severity=Severity.WARNING,
        message=f"{cell} is {own}, and what it is completed by was learned from {others} cells: the band does not hold",
        advice="Learn from cells like it, or name a model of such (--model)",
    )


def uncalibrated(model: str) -> Finding:
    """Say that a band is that of a map alone."""
    return Finding(
        code="not-calibrated",
        severity=Severity.WARNING,
        message=f"The band is that of the map {model} alone; its coverage was not checked on cells",
        advice="Learn a completion from cells of your own for a band that is",
    )


def _within(rates: tuple[float, float], rate: float | None) -> bool:
    if rate is None:
        return False
    return rates[0] <= rate <= rates[1] or any(not Conditions(rate_c=r).unlike(Conditions(rate_c=rate)) for r in rates)

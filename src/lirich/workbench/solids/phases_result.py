"""The answer of the verb *screen phases*: the map, its energies as values, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lirich.model import Conditions, Finding, Interval, Origin, Provenance, Subject, Value
from lirich.screening.candidate import LEVEL
from lirich.screening.phase_study import FEWEST, ComputedPoint, MappedPoint, Order, PhasesScreened
from lirich.workbench.screening.result import FLAG

if TYPE_CHECKING:
    from lirich.plots import Figure

QUANTITY: Mapping[Order, str] = {
    "spinel": "spinel_over_layered_mev_atom",
    "rock salt": "rock_salt_over_layered_mev_atom",
}
"""The quantity that states the energy of an order over the layered one."""


@dataclass(frozen=True)
class PhasesResult:
    """What a screening of phases found. ``cached`` says that the whole study was kept from an earlier run."""

    screened: PhasesScreened
    cached: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What must be known before the map is believed."""
        screened = self.screened
        found = [
            Finding(
                code=FLAG,
                severity="info",
                message="Computed with a universal potential at 0 K: a pre-filter, not DFT; entropy, which favours "
                "rock salt, and charged states are left out",
            )
        ]
        found += [
            Finding(code="composition-failed", severity="warning", where=formula, message=why)
            for formula, why in screened.failures.items()
        ]
        if screened.no_map:
            found.append(Finding(code="no-map", severity="warning", message=screened.no_map))
        elif len(screened.computed) < FEWEST:
            found.append(
                Finding(
                    code="no-interval",
                    severity="warning",
                    message=f"{len(screened.computed)} compositions allow no interval at {LEVEL:.0%}",
                    advice=f"Compute {FEWEST} or more",
                )
            )
        found += [
            Finding(
                code="no-better-than-mean",
                severity="warning",
                where=phase,
                message=f"On compositions left out the map errs by {error.rmse:.2g} meV/atom, the mean of the others "
                f"by {error.naive_rmse:.2g}: the mean is shown, with the interval of its errors",
            )
            for phase, error in screened.left_out.items()
            if not error.tells
        ]
        return tuple(found)

    @property
    def answer(self) -> str:
        """The map in a sentence."""
        answers = self.screened.answers
        if not answers:
            return f"No map: {self.screened.no_map}"
        counts = {phase: sum(a.phase == phase for a in answers) for phase in ("layered", "spinel", "rock salt", "")}
        said = [f"{phase} is lowest at {n}" for phase, n in counts.items() if phase and n]
        said += [f"at {counts['']} it cannot be told"] if counts[""] else []
        return f"Of {len(answers)} mixtures, {', '.join(said)}."

    @property
    def values(self) -> list[Value]:
        """Energies of the computed compositions, origin ``computed``; of those asked about, origin ``predicted``."""
        return [
            *(self._computed(point, phase) for point in self.screened.computed for phase in QUANTITY),
            *(self._predicted(point, phase) for point in self.screened.asked for phase in QUANTITY),
        ]

    def _computed(self, point: ComputedPoint, phase: Order) -> Value:
        value, _ = point.over_layered_mev_atom[phase]
        count = len(point.energies_ev_atom[phase])
        other = {"cells": count, "stands_for": "mean of the cells" if phase == "rock salt" else "lowest cell"}
        return self._value(point.formula, QUANTITY[phase], value, None, Origin.COMPUTED, other, "; ".join(point.doubts))

    def _predicted(self, point: MappedPoint, phase: Order) -> Value:
        value, low, high = point.over_layered_mev_atom[phase]
        interval = None
        if low is not None and high is not None:
            interval = Interval(low=low, high=high, level=LEVEL, method="errors on compositions left out (conformal)")
        error = self.screened.left_out[phase]
        other = {
            "learned_from": len(self.screened.computed),
            "left_out_rmse_mev_atom": round(error.rmse, 3),
            "left_out_rmse_of_mean_mev_atom": round(error.naive_rmse, 3),
        }
        return self._value(point.formula, QUANTITY[phase], value, interval, Origin.PREDICTED, other, "")

    def _value(
        self,
        formula: str,
        quantity: str,
        value: float,
        interval: Interval | None,
        origin: Origin,
        other: Mapping[str, str | float],
        note: str,
    ) -> Value:
        study = self.screened.study
        return Value(
            quantity=quantity,
            value=value,
            interval=interval,
            subject=Subject(kind="material", key=formula),
            conditions=Conditions(method=study.calculator, other=dict(other)),
            origin=origin,
            provenance=Provenance(
                code="lirich.screening",
                version=self.screened.lirich,
                parameters={
                    "study": study.name,
                    "study_hash": study.content_hash(),
                    "calculators": f"{study.calculator}: {self.screened.version}",
                    "atoms": study.atoms,
                },
            ),
            flags=(FLAG,),
            note=note,
        )

    @property
    def figures(self) -> list[Figure]:
        """The plots: the map, how sure it is, the energies that were computed."""
        from lirich.workbench.solids.phases_figures import figures_of

        return figures_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON; ``screened`` is the whole computation."""
        return {
            "study": self.screened.study.name,
            "cached": self.cached,
            "answer": self.answer,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
            "values": [value.model_dump(mode="json") for value in self.values],
            "screened": self.screened.model_dump(mode="json"),
        }

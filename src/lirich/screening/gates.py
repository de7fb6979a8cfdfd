"""Gates: what a candidate must reach to go on; each says passes, fails, or cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from lirich.model import Frozen
from lirich.model.format import MINUS, format_number
from lirich.quantities import QUANTITIES
from lirich.screening.candidate import Candidate, Estimate
from lirich.screening.weakest import gated_name
from lirich.screening.written import need_known

Verdict = Literal["passes", "fails", "unknown"]


class Gate(Frozen):
    """A limit to one quantity.

    ``sure`` asks for the whole interval on the right side; ``unsure_passes`` lets on, and marks, what cannot be told
    from the limit: it lies within the interval; otherwise the value decides. A candidate without the figure is
    ``unknown``: it goes on where ``unknown_passes``, and says so. Of a quantity that each metal has one of (migration)
    the lowest figure decides, and ``sure`` asks for the interval of every metal.
    """

    quantity: str
    at_least: float | None = None
    at_most: float | None = None
    sure: bool = False
    unsure_passes: bool = False
    unknown_passes: bool = False
    because: str = Field(default="", description="Where the limit comes from, in words or as a citation")

    @model_validator(mode="after")
    def _limited(self) -> Self:
        need_known("quantity", [self.quantity], QUANTITIES)
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"the gate on {self.quantity} has no limit: at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"the gate on {self.quantity} lets nothing pass: {self.at_least} > {self.at_most}")
        if self.sure and self.unsure_passes:
            raise ValueError(f"the gate on {self.quantity} cannot be sure and let the unsure pass")
        return self

    @property
    def words(self) -> str:
        """The gate in words: ``energy above the hull ≤ 0.05 eV/atom``."""
        known = QUANTITIES[self.quantity]
        limits = [f"≥ {_written(self.at_least)}" if self.at_least is not None else ""]
        limits += [f"≤ {_written(self.at_most)}" if self.at_most is not None else ""]
        sure = " for the whole interval" if self.sure else " within the error bar" if self.unsure_passes else ""
        unit = "" if known.unit == "1" else known.unit
        return f"{self.name} {' and '.join(filter(None, limits))} {unit}".rstrip() + sure

    @property
    def name(self) -> str:
        """The quantity in words, of several numbers of a cell the lowest: ``lowest metal migration energy``."""
        return gated_name(self.quantity, QUANTITIES[self.quantity].name)

    def verdict(self, candidate: Candidate) -> Verdict:
        """Say whether that candidate passes."""
        figure = candidate.figures.get(self.quantity)
        if figure is None:
            return "unknown"
        return "passes" if self._inside(figure) or self.unsure(candidate) else "fails"

    def unsure(self, candidate: Candidate) -> bool:
        """Say whether that candidate passes only since it cannot be told from the limit."""
        return self.unsure_passes and self.narrowly(candidate)

    def why(self, candidate: Candidate) -> str:
        """Say in words why that candidate passes or not: which of its numbers decides, against what is asked."""
        figure = candidate.figures.get(self.quantity)
        known = QUANTITIES[self.quantity]
        if figure is None:
            reason = candidate.missing.get(self.quantity, "not computed")
            return f"{self.name} unknown ({reason})"
        has = format_number(figure.value, significant=3)
        if self.sure and figure.low is not None and figure.high is not None:
            has = f"{format_number(figure.low, significant=3)} … {format_number(figure.high, significant=3)}"
        has = f"{figure.of} {has}".lstrip()
        unit = "" if known.unit == "1" else known.unit
        taken = f", {figure.taken}" if figure.taken else ""
        return f"{self.name} {has} {unit}".rstrip() + f"{taken} (asked: {self.words.removeprefix(self.name).strip()})"

    def narrowly(self, candidate: Candidate) -> bool:
        """Say whether the value of a candidate fails and the limit lies within its interval."""
        figure = candidate.figures.get(self.quantity)
        if figure is None or figure.low is None or figure.high is None or self.sure or self._inside(figure):
            return False
        return (self.at_least is None or figure.high >= self.at_least) and (
            self.at_most is None or figure.low <= self.at_most
        )

    def _inside(self, figure: Estimate) -> bool:
        low, high = self._ends(figure)
        return (self.at_least is None or low >= self.at_least) and (self.at_most is None or high <= self.at_most)

    def _ends(self, figure: Estimate) -> tuple[float, float]:
        if self.sure and figure.low is not None and figure.high is not None:
            return figure.low, figure.high
        return figure.value, figure.value


def _written(limit: float) -> str:
    return f"{limit:g}".replace("-", MINUS)


@dataclass(frozen=True)
class Stage:
    """One gate of a funnel and who came to it: names of those that passed, fell, or went on unknown.

    ``unsure`` are those of ``passed`` that cannot be told from the limit.
    """

    gate: Gate
    passed: tuple[str, ...]
    fell: tuple[str, ...]
    unknown: tuple[str, ...]
    unsure: tuple[str, ...] = ()

    @property
    def entered(self) -> int:
        """How many came to the gate."""
        return len(self.passed) + len(self.fell) + (0 if self.gate.unknown_passes else len(self.unknown))


@dataclass(frozen=True)
class Funnel:
    """Candidates through the gates, one gate after another."""

    entered: tuple[str, ...]
    stages: tuple[Stage, ...]
    survivors: tuple[str, ...]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many are left after each gate, the candidates that entered first."""
        return [("candidates", len(self.entered)), *((s.gate.words, len(s.passed)) for s in self.stages)]


def funnel(candidates: Sequence[Candidate], gates: Sequence[Gate]) -> Funnel:
    """Send candidates through the gates in their order; who falls is not asked again.

    Where a gate lets the unknown pass, they are among those that passed and are listed as unknown too.
    """
    left = list(candidates)
    stages = []
    for gate in gates:
        verdicts = {c.name: gate.verdict(c) for c in left}
        unknown = tuple(name for name, v in verdicts.items() if v == "unknown")
        through = [c for c in left if verdicts[c.name] == "passes" or (gate.unknown_passes and c.name in unknown)]
        fell = tuple(name for name, v in verdicts.items() if v == "fails")
        unsure = tuple(c.name for c in left if gate.unsure(c))
        stages.append(Stage(gate, tuple(c.name for c in through), fell, unknown, unsure))
        left = through
    return Funnel(tuple(c.name for c in candidates), tuple(stages), tuple(c.name for c in left))

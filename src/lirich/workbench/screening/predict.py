"""After a screening: what the dopants that nobody computed would do, and which of them to compute next."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lirich.errors import LirichError
from lirich.model import Composition
from lirich.screening.candidate import LEVEL, Candidate, Estimate
from lirich.screening.estimates import lowest
from lirich.screening.judged import Judged, figures_by_metal, host_numbers, numbers
from lirich.screening.ranking import Ranking, turn_of
from lirich.screening.screened import PER_METAL
from lirich.screening.sizes import SIZES
from lirich.screening.study import ANIONS, Doping, Ion, Place
from lirich.workbench.screening.predicted import FOR_INTERVAL, SCORE, Learned, Predicted, ScreenPrediction

if TYPE_CHECKING:
    from lirich.atoms.dopants import Dopant
    from lirich.atoms.surrogate import Surrogate

Array = NDArray[np.float64]

FEWEST = 5
"""Dopants that are learned from at least: `lirich.atoms.surrogate.FEWEST_GROUPS`, which is not loaded to refuse (a test
compares the two)."""
SMALL_A = 0.3
"""Ionic radius in four-fold coordination below which an ion may stand between four oxygens: B 0.11, P 0.17, Si 0.26 Å
(Shannon, Acta Cryst. A 32 (1976) 751, doi:10.1107/S0567739476001551)."""
LARGEST_STEP = 0.45
"""Share of the radius of the ion that makes room by which a sensible dopant may differ from it: a choice. Goldschmidt's
rule (Naturwissenschaften 14 (1926) 477) allows 15 %, at most 30 %; Zr⁴⁺ and Mg²⁺ for Mn⁴⁺ (36 %) are made all the same,
Y³⁺ (70 %), La³⁺ and Ba²⁺ are found as phases of their own."""
MOST_CHARGE_ON_LITHIUM = 2
"""An ion of a higher charge is not tried on Li⁺'s place: the layer is held open by Na⁺, Mg²⁺, Zn²⁺ and their like."""


def predict(judged: Judged, *, following: int = 3) -> ScreenPrediction:
    """Learn the figures and the score of the computed candidates; predict all sensible dopants that were not computed.

    Every quantity of weights and gates, and the score itself, is learned from the features of the dopants
    (`lirich.atoms.features`) by a Gaussian process. Of migrations each metal of the host is learned on its own, since
    what decides is Mn of one dopant and Ni of another; the figure is the lowest of them, as in
    `lirich.screening.judged.judged`, and is told where every metal is. The score is that of the ranking. A figure is
    predicted only where the process does better on dopants left out than the mean of the others, and has an interval.
    Sensible are all elements with a usual charge, a radius near that of the ion that makes room, and an oxide, on each
    of the places that the study tried: what stands on a place that nobody computed cannot be learned. Elements that the
    study is ``without`` are not among them.
    """
    ranking = judged.ranking
    if ranking is None:
        return ScreenPrediction(why_not=f"there is no score to learn: {judged.no_ranking}")
    elements = {t.name: "+".join(sorted(t.elements)) for t in judged.screened.tried if t.elements}
    scored = {
        elements[c.name] for c in judged.candidates if c.name in elements and set(ranking.weights) <= set(c.figures)
    }
    if len(scored) < FEWEST:
        return ScreenPrediction(why_not=too_few(len(scored), len(set(elements.values()))))
    if any(find_spec(name) is None for name in ("pymatgen", "sklearn")):
        return ScreenPrediction(why_not="learning needs the extra: pip install 'lirich[atoms]'")
    return _Learner(judged, ranking).prediction(following)


def too_few(scored: int, tried: int) -> str:
    """Say that so many dopants with a score, of so many in the study, are too few, and how many are missing."""
    of = f" with a score, of {tried} in the study," if tried > scored else ""
    return (
        f"{scored} dopant{'s' if scored != 1 else ''}{of} {'are' if scored != 1 else 'is'} too few to learn from: "
        f"{FEWEST} are needed, and {FOR_INTERVAL} for {LEVEL:.0%} intervals. "
        f"Add {FEWEST - scored} or more of your own choice to the study"
    )


class _Learner:
    """The computed candidates as rows of features, and what is learned of them."""

    def __init__(self, judged: Judged, ranking: Ranking) -> None:
        from lirich.atoms.features import features

        self.judged, self.ranking = judged, ranking
        self.host = _host_metal(judged)
        rows: list[Array] = []
        self.candidates: list[Candidate] = []
        self.groups: list[str] = []
        self.left_out: list[str] = []
        dopings = _dopings(judged)
        for candidate, ions, doping in zip(judged.candidates, _placed(judged), dopings, strict=True):
            if not doping.usual:  # nothing that is learned from knows of the concentration
                self.left_out.append(f"{candidate.name}: learned from is the first concentration")
                continue
            try:
                rows.append(features([self.dopant(ion) for ion in ions], {}))
            except LirichError as error:
                self.left_out.append(f"{candidate.name}: {error}")
                continue
            self.candidates.append(candidate)
            self.groups.append("+".join(sorted(ion.element for ion in ions)))
        self.features = np.array(rows)

    def dopant(self, ion: Ion) -> Dopant:
        """Return the ion as a dopant on its one place, for the host's most frequent metal where it is a metal's."""
        from lirich.atoms.dopants import Dopant
        from lirich.atoms.oxidation import usual_state

        place = ion.places[0]
        return Dopant(
            element=ion.element,
            charge=usual_state(ion.element) if ion.charge is None else ion.charge,
            place=place,
            replaces=ion.replaces or (self.host if place == "TM" else ""),
            count=ion.count,
        )

    def prediction(self, following: int) -> ScreenPrediction:
        from lirich.atoms.features import features

        new: list[Ion] = []
        rows: list[Array] = []
        for ion in self.sensible():
            try:
                row = features([self.dopant(ion)], {})
                fits = self.fits(ion)
            except LirichError:
                continue  # no radius or no oxide of it is known
            if fits:
                new.append(ion)
                rows.append(row)
        study = self.judged.screened.study
        learned: list[Learned] = []
        told: dict[str, list[Estimate]] = {}
        for figure in study.wanted:
            metals: dict[str, list[Estimate]] = {}
            for metal, figures in self.columns(figure).items():
                try:
                    surrogate = self.fitted(figures)
                except LirichError:
                    continue
                learned.append(_learned(figure, surrogate, metal))
                if learned[-1].tells and new:
                    metals[metal] = self.told(figure, surrogate, np.array(rows))
            if metals and set(metals) == set(self.columns(figure)):
                told[figure] = (
                    [lowest(dict(zip(metals, each, strict=True))) for each in zip(*metals.values(), strict=True)]
                    if figure in PER_METAL
                    else metals[""]
                )
        try:
            score = self.fitted_score()
        except LirichError as error:
            return ScreenPrediction(why_not=str(error), left_out=tuple(self.left_out))
        learned.append(_learned(SCORE, score))
        if learned[-1].tells and new:
            told[SCORE] = self.told(SCORE, score, np.array(rows))
        places = [self.predicted(ion, {figure: each[n] for figure, each in told.items()}) for n, ion in enumerate(new)]
        open_to = [n for n, place in enumerate(places) if not place.falls_at]
        chosen = score.batch_to_compute(np.array(rows)[open_to], following) if open_to and following else []
        tells = score.left_out_.tells
        return ScreenPrediction(
            learned=tuple(learned),
            places=tuple(sorted(places, key=lambda p: -(p.score.value if p.score is not None else 0.0))),
            following=tuple(places[open_to[n]] for n in chosen),
            how="largest expected improvement of the score over the best that is computed, one after another"
            if tells
            else "most unlike what is computed: the surrogate tells no more than the mean, so these teach it most",
            left_out=tuple(self.left_out),
        )

    def fits(self, ion: Ion) -> bool:
        """Whether the ion is near enough in size to the one that makes room; between the oxygens `SMALL_A` says so."""
        from lirich.atoms.oxidation import ionic_radius_a, usual_state

        dopant = self.dopant(ion)
        if dopant.place == "tetrahedral":
            return True
        replaced = {"TM": self.host, "Li": "Li", "O": "O"}[dopant.place]
        radius = ionic_radius_a(replaced, usual_state(replaced))
        return abs(ionic_radius_a(dopant.element, dopant.charge) - radius) <= LARGEST_STEP * radius

    def predicted(self, ion: Ion, figures: Mapping[str, Estimate]) -> Predicted:
        own = {key: each for key, each in figures.items() if key != SCORE}
        candidate = Candidate(name=ion.element, figures=own)
        falls = (g.words for g in self.judged.screened.study.gates if g.verdict(candidate) == "fails")
        return Predicted(ion, own, figures.get(SCORE), next(falls, ""))

    def told(self, figure: str, surrogate: Surrogate, rows: Array) -> list[Estimate]:
        """Return what a surrogate says of each of *rows*, a size not below 0."""
        p = surrogate.predict(rows, level=LEVEL)
        ends = np.maximum([p.value, p.low, p.high], 0.0 if figure in SIZES else -np.inf)
        return [
            Estimate(value=float(v), low=float(low), high=float(high), count=len(self.candidates))
            for v, low, high in ends.T
        ]

    def columns(self, figure: str) -> dict[str, list[Estimate | None]]:
        """Return a figure of each candidate; of migrations a list for each metal that leaves the host, else ``""``."""
        if figure not in PER_METAL:
            return {"": [c.figures.get(figure) for c in self.candidates]}
        screened = self.judged.screened
        host = host_numbers(screened, [figure])
        tried = [self.judged.tried(c.name) for c in self.candidates]
        each = [figures_by_metal(t, figure, numbers(t, figure, host)) for t in tried]
        metals = {place.metal for of in host.values() for place in of} or {metal for of in each for metal in of}
        return {metal: [of.get(metal) for of in each] for metal in sorted(metals)}

    def fitted(self, figures: Sequence[Estimate | None]) -> Surrogate:
        """Learn one figure of the candidates that have it."""
        there = {n: each for n, each in enumerate(figures) if each is not None}
        # Two orderings tell no spread by themselves: that of all candidates is pooled.
        return self._fit(list(there), [each.value for each in there.values()], _pooled(list(there.values())))

    def fitted_score(self) -> Surrogate:
        """Learn the score of the candidates that have all that is weighed; its noise is that of the figures."""
        keys = list(self.ranking.weights)
        which = [n for n, c in enumerate(self.candidates) if all(key in c.figures for key in keys)]
        figures = [[self.candidates[n].figures[key] for key in keys] for n in which]
        values = np.array([[each.value for each in of] for of in figures])
        errors = np.array([_pooled([of[k] for of in figures]) for k in range(len(keys))])
        base = np.array([self.judged.reference[k].value if k in self.judged.reference else 0.0 for k in keys])
        turn = np.array([turn_of(k, self.judged.screened.study.directions) for k in keys])
        weights = np.array([self.ranking.weights[k] for k in keys])
        unit = weights / np.abs(weights).sum() / np.array([self.ranking.scales[k] for k in keys])
        y = ((values - base) * turn) @ unit
        return self._fit(which, y, float(np.sqrt(((unit * errors) ** 2).sum())))

    def _fit(self, which: Sequence[int], y: Array | Sequence[float], noise: float) -> Surrogate:
        from lirich.atoms.surrogate import Surrogate

        return Surrogate(seed=self.judged.screened.study.seed).fit(
            self.features[list(which)], np.array(y), [self.groups[n] for n in which], np.full(len(which), noise)
        )

    def sensible(self) -> list[Ion]:
        """Return the dopants that could be computed and were not: each element on each place that the study tried."""
        from lirich.atoms.features import oxide_energies
        from lirich.atoms.oxidation import STATES, ionic_radius_a, usual_state

        placed = _placed(self.judged)
        tried = {place for ions in placed for ion in ions for place in ion.places}
        done = {(ions[0].element, ions[0].places[0]) for ions in placed if len(ions) == 1}
        own = {e for cell in self.judged.screened.host.cells if cell.crystal is not None for e in cell.crystal.elements}
        formula = self.judged.screened.study.host.formula
        own |= set(Composition.parse(formula).amounts) if formula else set()
        own |= set(self.judged.screened.study.without)
        cations = [e for e in dict.fromkeys(e for e, _ in oxide_energies()) if e in STATES]
        found: list[Ion] = []
        for element in (*cations, *sorted(ANIONS & set(STATES))):
            charge = usual_state(element)
            places: list[Place] = ["O"] if charge < 0 else ["TM"] if charge > 1 else []
            if 0 < charge <= MOST_CHARGE_ON_LITHIUM:
                places.append("Li")
            if charge > 0:
                try:
                    if ionic_radius_a(element, charge, 4) < SMALL_A:
                        places.append("tetrahedral")
                except LirichError:
                    pass  # an ion that Shannon does not know between four anions is not tried there
            found += [
                Ion(element=element, charge=charge, sites=(place,))
                for place in places
                if place in tried and element not in own and element != "Li" and (element, place) not in done
            ]
        return found


def _learned(figure: str, surrogate: Surrogate, metal: str = "") -> Learned:
    out = surrogate.left_out_
    enough = math.isfinite(surrogate.scale_(LEVEL))
    return Learned(figure, out.rmse, out.naive_rmse, out.groups, out.tells, enough, metal)


def _dopings(judged: Judged) -> list[Doping]:
    """Return the doping of each candidate, in the order of the candidates."""
    dopings = judged.screened.study.dopings()
    return [dopings[n if t.doping is None else t.doping] for n, t in enumerate(judged.screened.tried)]


def _placed(judged: Judged) -> list[tuple[Ion, ...]]:
    """Return the ions of each candidate, each on its one place, in the order of the candidates."""
    return [
        tuple(
            ion.model_copy(update={"sites": (place,)})
            for ion, place in zip(doping.dopants.ions, doping.places, strict=True)
        )
        for doping in _dopings(judged)
    ]


def _host_metal(judged: Judged) -> str:
    """Return the most frequent metal of the host's metal layer; Mn where no cell is kept."""
    for cell in judged.screened.host.cells:
        if cell.crystal is not None:
            layers = zip(cell.crystal.elements, cell.crystal.layers, strict=True)
            metals = Counter(element for element, layer in layers if layer == "TM" and element != "Li")
            if metals:
                return min(metals, key=lambda element: (-metals[element], element))
    return "Mn"


def _pooled(figures: Sequence[Estimate]) -> float:
    """Return the standard error of the figures, pooled over those that have one."""
    errors = [f.standard_error for f in figures if f.standard_error is not None]
    return math.sqrt(sum(e**2 for e in errors) / len(errors)) if errors else 0.0

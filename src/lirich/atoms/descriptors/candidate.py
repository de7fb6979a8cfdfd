"""One candidate, from its cell as built to its numbers: the whole plan of a doped cell beside its undoped host.

The host is part of the plan: every difference is one of pairs, the same oxygen, the same metal, the same lithium out.
The jobs of the host depend on the host and on the places alone, so that the candidates of one ordering ask for the
same jobs, and a runner that keeps what it computed does them once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field
from pymatgen.core.structure import Structure

from lirich.atoms.descriptors import dimers, hops, hull, migration, mismatch, preference, strain, vacancy, voltage
from lirich.atoms.descriptors.charged import ChargedPair, charged_cells, same_places
from lirich.atoms.descriptors.computed import Computed, difference, doubts_of, ended, fallen_back
from lirich.atoms.descriptors.kept import KeptCell, Run, kept_cells, recorded, run_of
from lirich.atoms.descriptors.oxygen import OxygenReference, oxygen_reference
from lirich.atoms.evaluation import PRE_FILTER
from lirich.atoms.moments import charges_from_moments
from lirich.atoms.oxidation import symbols_of
from lirich.atoms.plan import Plan, together
from lirich.atoms.relax import Relaxation, RelaxationSettings, relaxation_job, warm_start
from lirich.errors import CalculatorError, LirichError
from lirich.model import Frozen

USUAL = (
    vacancy.VACANCY, vacancy.CHANGE, voltage.VOLTAGE, strain.VOLUME, strain.STRAIN, strain.SPACING,
    migration.MIGRATION, migration.MIGRATION_CHANGE, mismatch.MISMATCH,
)  # fmt: skip
"""What is computed where nothing is asked for."""
OFFERED = (
    *USUAL, migration.MIGRATION_BARRIER, hops.HOP, hops.HOP_CHANGE, preference.SPINEL, preference.ROCK_SALT,
    preference.SITE, hull.ABOVE_HULL, hull.SOLUTION, dimers.PAIRING,
)  # fmt: skip
"""All that can be asked for."""


UNLIKE = "not as its formal charge"
"""What a note says of moments that differ from what was intended; `lirich.screening.judged` looks for it."""


class CandidateSettings(Frozen):
    """What is computed of a candidate, and how."""

    relaxation: RelaxationSettings = RelaxationSettings()
    wanted: tuple[str, ...] = Field(USUAL, description="Quantities; what is not asked for is not computed")
    lithium_removed: tuple[float, ...] = Field(
        (0.0, 0.5), description="States of charge, shares of the lithium that are out; above 0 a charged cell is made"
    )
    oxygen_sites: int = Field(2, ge=1, description="Oxygens next to a dopant that are taken out, at most")
    far_oxygen_sites: int = Field(1, ge=0, description="Oxygens far from the dopants that are, the farthest first")
    arrangements: int = Field(2, ge=1, description="Arrangements of vacancies that are relaxed of a charged cell")
    migrating: tuple[str, ...] = Field(("Mn", "Ni"), description="Metals whose way into the lithium layer is computed")
    bands: bool = Field(False, description="Whether barriers are by nudged elastic bands, not by the cheap path alone")
    pairing_starts: int = Field(8, ge=2, description="Starts of the search for paired oxygen, of each charged cell")
    seed: int = Field(0, ge=0)


class CandidateResult(Frozen):
    """What was found of one cell.

    ``figures`` hold the numbers of the cell and their differences to the host; ``cells`` the relaxed cells that they
    are of, by state of charge; ``runs`` how each relaxation of the cell and its variants ended, without those of its
    host; ``notes`` say what the moments tell of the charges, which lithium left, and that all this is a pre-filter.
    """

    formula: str
    figures: tuple[Computed, ...]
    cells: tuple[KeptCell, ...] = ()
    runs: tuple[Run, ...] = ()
    notes: tuple[str, ...] = ()
    calculator: str = ""
    version: str = ""

    def of(self, quantity: str) -> list[Computed]:
        """Return the figures of one quantity that have a value."""
        return [figure for figure in self.figures if figure.quantity == quantity and figure.value is not None]


@dataclass
class _Cell:
    """A cell on its way: as built, relaxed, and charged by state."""

    built: Structure
    rich: Relaxation
    charged: dict[float, ChargedPair | LirichError] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)


def candidate_plan(
    host: Structure,
    doped: Structure | None = None,
    settings: CandidateSettings | None = None,
) -> Plan[CandidateResult]:
    """Compute one cell: a doped one beside its host, or the host alone.

    Parameters
    ----------
    host:
        The undoped ordering, as built, with the site properties ``charge`` and ``layer``.
    doped:
        A variant of it (`lirich.atoms.dopants.Variant.structure`): sites on the same places, the property ``role``.
    settings:
        What is computed.

    Raises
    ------
    lirich.errors.CalculatorError
        The cell itself, or its host, did not relax to a state that can be used. What fails later is a figure without
        value that says why.
    """
    settings = settings or CandidateSettings()
    base = yield from _relaxed(host, None, settings)
    own = base if doped is None else (yield from _relaxed(doped, base, settings))
    states = [share for share in settings.lithium_removed if share > 0]
    yield from _charge(base, None, states, settings)
    if own is not base:
        yield from _charge(own, base, states, settings)
    oxygen = OxygenReference(None)
    if set(settings.wanted) & {vacancy.VACANCY, vacancy.CHANGE}:
        oxygen = yield from oxygen_reference(settings.relaxation)
    parts = list(_parts(own, base, oxygen, settings))
    outcomes = yield from together([plan for _, _, plan in parts])
    figures: list[Computed] = []
    for (quantity, share, _), outcome in zip(parts, outcomes, strict=True):
        if isinstance(outcome, LirichError):
            figures.append(Computed(quantity=quantity, value=None, lithium_removed=share, why=str(outcome)))
        else:
            figures += outcome
    return CandidateResult(
        formula=own.built.formula,
        figures=tuple(figure for figure in figures if figure.quantity in settings.wanted),
        cells=kept_cells(own.rich, [pair for pair in own.charged.values() if isinstance(pair, ChargedPair)]),
        runs=tuple(own.runs),
        notes=(*_notes(own), *([oxygen.words] if oxygen.words else ()), PRE_FILTER),
        calculator=own.rich.calculator,
        version=own.rich.version,
    )


def _relaxed(built: Structure, base: _Cell | None, settings: CandidateSettings) -> Plan[_Cell]:
    free = settings.relaxation.model_copy(update={"cell": "free"})
    start = None if base is None else warm_start(built, base.built, base.rich.crystal)
    (outcome,) = yield [relaxation_job(built, free, f"{built.composition.reduced_formula}, discharged", start=start)]
    rich, why = ended(outcome)
    if rich is None:
        raise CalculatorError(f"{built.formula} did not relax: {why}")
    return _Cell(built, rich, runs=[run_of(outcome)])


def _charge(cell: _Cell, base: _Cell | None, states: Sequence[float], settings: CandidateSettings) -> Plan[None]:
    """Charge a cell to all *states* side by side: where the host charged, the same lithium goes."""
    places = None if base is None else same_places(base.built, cell.built)
    plans = []
    for share in states:
        follow = None
        before = None if base is None else base.charged[share]
        if places is not None and isinstance(before, ChargedPair):
            follow = [places[i] for i in before.following.removed if i in places]
        asked = charged_cells(
            cell.rich,
            share,
            settings.relaxation,
            count=len(before.following.removed) if isinstance(before, ChargedPair) else None,
            follow=follow,
            arrangements=settings.arrangements,
        )
        plans.append(recorded(asked, cell.runs))
    outcomes = yield from together(plans)
    cell.charged = dict(zip(states, outcomes, strict=True))


Part = tuple[str, float, Plan[list[Computed]]]
"""The first quantity that a plan gives and its state of charge, to name it where the plan fails, and the plan."""


def _parts(own: _Cell, base: _Cell, oxygen: OxygenReference, settings: CandidateSettings) -> Iterator[Part]:
    wanted = set(settings.wanted)
    dopants = dopants_of(own.built)
    if wanted & {vacancy.VACANCY, vacancy.CHANGE}:
        for share in settings.lithium_removed:
            yield vacancy.VACANCY, share, _vacancies(own, base, share, oxygen, settings)
    if wanted & {voltage.VOLTAGE, strain.VOLUME, strain.STRAIN, strain.SPACING}:
        yield voltage.VOLTAGE, 0.0, _charging(own, settings)
    if wanted & {migration.MIGRATION, migration.MIGRATION_CHANGE, migration.MIGRATION_BARRIER}:
        for share in own.charged:
            for element in settings.migrating:
                if element in base.built.symbol_set:
                    yield migration.MIGRATION, share, _migrations(own, base, element, share, settings)
    if wanted & {hops.HOP, hops.HOP_CHANGE}:
        yield hops.HOP, 0.0, _hops(own, base, settings)
    if wanted & {mismatch.MISMATCH} and dopants:
        yield mismatch.MISMATCH, 0.0, _at_once(lambda: mismatch.size_mismatch(base.built, own.built, dopants))
    if wanted & {preference.SPINEL, preference.ROCK_SALT}:
        others = preference.phase_preference(own.built, own.rich, settings.relaxation)
        yield preference.SPINEL, 0.0, recorded(others, own.runs)
    if preference.SITE in wanted and dopants:
        elsewhere = preference.site_preference(own.built, own.rich, settings.relaxation)
        yield preference.SITE, 0.0, recorded(elsewhere, own.runs)
    if wanted & {hull.ABOVE_HULL, hull.SOLUTION}:
        reference = None if own is base else base.rich
        hulls = hull.hull_figures(own.rich, settings.relaxation, host=reference, dopants=len(dopants))
        yield hull.ABOVE_HULL, 0.0, hulls
    if dimers.PAIRING in wanted:
        for share, pair in own.charged.items():
            yield dimers.PAIRING, share, recorded(_pairing(pair, share, settings), own.runs)


def dopants_of(structure: Structure) -> list[int]:
    """Return the sites whose ``role`` is that of a dopant."""
    return [i for i, role in enumerate(structure.site_properties.get("role") or ()) if role == "dopant"]


def _at_once(make: Callable[[], list[Computed]]) -> Plan[list[Computed]]:
    """Return a plan without jobs."""
    yield from ()
    return make()


def _state(cell: _Cell, share: float) -> tuple[Relaxation, Callable[[int], int | None]]:
    """Return the relaxed cell of a state of charge, and where the atoms of the built cell stand in it."""
    if share == 0:
        return cell.rich, lambda atom: atom
    pair = cell.charged[share]
    if isinstance(pair, LirichError):
        raise pair
    if pair.following.apart:
        raise CalculatorError(pair.following.apart)
    return pair.following.relaxation, pair.following.index_of


def _vacancies(
    own: _Cell, base: _Cell, share: float, oxygen: OxygenReference, settings: CandidateSettings
) -> Plan[list[Computed]]:
    """Take the same oxygens out of the cell and its host: those next to the dopants that the host holds least.

    Where none of these gives a number, as many of the next ones are tried; what then has none is said of the others.
    Without half an O₂ on the scale of the potential there are the changes alone, in which it cancels.
    """
    dopants = dopants_of(own.built)
    sites = vacancy.oxygen_sites(own.built, dopants)
    to_host = same_places(own.built, base.built)
    near = [s for s in vacancy.on_host(sites, to_host) if s.region != "far"]
    far = [s for s in vacancy.on_host(sites, to_host) if s.region == "far"][: settings.far_oxygen_sites]
    first = yield from vacancy.weakest(base.rich, near, settings.relaxation, settings.oxygen_sites)
    back = {host: mine for mine, host in to_host.items()}

    def taken_out(chosen: list[vacancy.OxygenSite]) -> Plan[list[Computed]]:
        here = [vacancy.OxygenSite(back[s.index], s.name, s.region) for s in chosen]
        return _paired(
            own,
            base,
            share,
            vacancy.CHANGE,
            lambda cell: vacancy.vacancy_energies(
                _state(cell, share)[0],
                _moved(here if cell is own else chosen, _state(cell, share)[1]),
                settings.relaxation,
                oxygen_ev=0.0 if oxygen.ev is None else oxygen.ev,
                lithium_removed=share,
            ),
        )

    figures = yield from taken_out([*first, *far])
    numbers = [f.region for f in figures if f.quantity == vacancy.CHANGE and f.value is not None]
    rest = [site for site in near if site not in first]
    if first and rest and "near" not in numbers and own is not base:
        more = yield from vacancy.weakest(base.rich, rest, settings.relaxation, settings.oxygen_sites)
        figures = [*figures, *(yield from taken_out(more))]
    figures = fallen_back(figures)
    if oxygen.ev is not None:
        return figures
    lost = {"value": None, "why": oxygen.why, "doubts": ()}
    return [f.model_copy(update=lost) if f.quantity == vacancy.VACANCY and f.value is not None else f for f in figures]


def _moved(sites: Sequence[vacancy.OxygenSite], index: Callable[[int], int | None]) -> list[vacancy.OxygenSite]:
    moved = [(index(site.index), site) for site in sites]
    return [vacancy.OxygenSite(i, site.name, site.region) for i, site in moved if i is not None]


def _paired(
    own: _Cell, base: _Cell, share: float, change: str, plan_of: Callable[[_Cell], Plan[list[Computed]]]
) -> Plan[list[Computed]]:
    """Run a plan of the cell and of its host side by side; return the cell's figures and their differences."""
    if own is base:
        return _of_state(own, share, (yield from recorded(plan_of(own), own.runs)))
    mine, theirs = yield from together([recorded(plan_of(own), own.runs), plan_of(base)])
    if isinstance(mine, LirichError):
        raise mine
    mine = _of_state(own, share, mine)
    if isinstance(theirs, LirichError):
        return [*mine, Computed(quantity=change, value=None, lithium_removed=share, why=f"host: {theirs}")]
    quantity = mine[0].quantity if mine else ""
    partners = {(b.where, b.region): b for b in _of_state(base, share, theirs) if b.quantity == quantity}
    known = [a for a in mine if a.quantity == quantity]
    none = Computed(quantity=quantity, value=None, why="it has no such place")
    return [*mine, *(difference(change, a, partners.get((a.where, a.region), none)) for a in known)]


def _of_state(cell: _Cell, share: float, figures: Sequence[Computed]) -> list[Computed]:
    """Return *figures* with the doubts about the cell that they start from, where it did not end as it was built."""
    words = tuple(f"the cell at {100 * share:.0f} % {doubt}" for doubt in doubts_of(_state(cell, share)[0]))
    return [
        f if f.value is None else f.model_copy(update={"doubts": (*f.doubts, *words)}) if words else f for f in figures
    ]


def _migrations(
    own: _Cell, base: _Cell, element: str, share: float, settings: CandidateSettings
) -> Plan[list[Computed]]:
    """Send the same metal the same way in the cell and its host; the way is found on the places as built."""
    cells = {id(cell): _state(cell, share)[0] for cell in (own, base)}
    built = {id(cell): _emptied(cell, share) for cell in (own, base)}
    ways = migration.need_ways(migration.ways_out(built[id(own)], element, dopants_of(built[id(own)])), element)
    to_host = same_places(built[id(own)], built[id(base)])
    theirs = [_on_host(way, to_host, built[id(base)], element) for way in ways]

    def plan_of(cell: _Cell) -> Plan[list[Computed]]:
        return migration.migration_energies(
            cells[id(cell)],
            built[id(cell)],
            ways if cell is own else [way for way in theirs if way is not None],
            settings.relaxation,
            lithium_removed=share,
            bands=settings.bands or (migration.MIGRATION_BARRIER in settings.wanted and cell is own),
        )

    return (yield from _paired(own, base, share, migration.MIGRATION_CHANGE, plan_of))


def _emptied(cell: _Cell, share: float) -> Structure:
    """Return the charged cell on the places as built."""
    pair = cell.charged[share]
    assert isinstance(pair, ChargedPair)
    emptied = cell.built.copy()
    emptied.remove_sites(list(pair.following.removed))
    return emptied


def _on_host(way: migration.Way, places: Mapping[int, int], host: Structure, element: str) -> migration.Way | None:
    """Return the same way in the host, ``None`` where another element stands there."""
    if way.atom not in places or symbols_of(host)[places[way.atom]] != element:
        return None
    anions = tuple(places[i] for i in way.anions if i in places)
    return migration.Way(places[way.atom], way.place, anions, way.name, way.region)


def _hops(own: _Cell, base: _Cell, settings: CandidateSettings) -> Plan[list[Computed]]:
    found = hops.lithium_hop(own.built, dopants_of(own.built))
    if found is None:
        raise CalculatorError(f"{own.built.formula} has no two lithium side by side in a lithium layer")
    to_host = same_places(own.built, base.built)
    symbols = symbols_of(base.built)
    ends = (found.leaves, found.hops)
    shared = all(i in to_host and symbols[to_host[i]] == "Li" for i in ends)
    theirs = hops.Hop(to_host[ends[0]], to_host[ends[1]], found.name, found.region) if shared else None

    def plan_of(cell: _Cell) -> Plan[list[Computed]]:
        hop = found if cell is own else theirs
        if hop is None:
            raise CalculatorError("the host has no lithium on the places of this hop")
        result = yield from hops.hop_barrier(cell.rich, hop, settings.relaxation, band=settings.bands)
        return [result]

    return (yield from _paired(own, base, 0.0, hops.HOP_CHANGE, plan_of))


def _charging(own: _Cell, settings: CandidateSettings) -> Plan[list[Computed]]:
    """Return voltages from state to state, and what the lattice does, of the lowest charged cells."""
    (lithium,) = yield from together([voltage.lithium_energy(settings.relaxation)])
    figures = [strain.spacing(own.rich.crystal).model_copy(update={"steps": own.rich.steps})]
    before, from_share = own.rich, 0.0
    for share in sorted(own.charged):
        pair = own.charged[share]
        if isinstance(pair, LirichError):
            figures += [
                Computed(quantity=quantity, value=None, lithium_removed=share, why=str(pair))
                for quantity in (voltage.VOLTAGE, strain.VOLUME, strain.STRAIN, strain.SPACING)
            ]
            continue
        poor = pair.lowest.relaxation
        apart = pair.lowest.apart
        doubts = (*doubts_of(poor), *((apart,) if apart else ()), *pair.lost)
        doubts += tuple(f"before: {words}" for words in doubts_of(before))
        emptied = len(poor.crystal) == len(before.crystal)  # fewer lithium than the host: the state before had them out
        why = str(lithium) if isinstance(lithium, LirichError) else "no lithium is left to leave" if emptied else ""
        part = [
            Computed(
                quantity=voltage.VOLTAGE,
                value=None if why else voltage.average_voltage_v(before, poor, lithium),
                where=f"{100 * from_share:.0f} to {100 * share:.0f} % of the lithium out",
                lithium_removed=share,
                why=why,
            ),
        ]
        if not apart:
            part += strain.strain_figures(own.rich.crystal, poor.crystal, share)
        figures += [
            Computed(quantity=quantity, value=None, lithium_removed=share, why=apart)
            for quantity in (strain.VOLUME, strain.STRAIN, strain.SPACING)
            if apart
        ]
        figures += [
            figure
            if figure.value is None
            else figure.model_copy(update={"doubts": doubts, "steps": _behind(figure, own.rich, before, poor)})
            for figure in part
        ]
        before, from_share = poor, share
    return figures


def _behind(figure: Computed, rich: Relaxation, before: Relaxation, poor: Relaxation) -> int:
    """Return the steps of the cells that a number of a charged cell is of: of a voltage the state before counts."""
    if figure.quantity == strain.SPACING:
        return poor.steps
    return poor.steps + (before.steps if figure.quantity == voltage.VOLTAGE else rich.steps)


def _pairing(pair: ChargedPair | LirichError, share: float, settings: CandidateSettings) -> Plan[list[Computed]]:
    if isinstance(pair, LirichError):
        raise pair
    found = yield from dimers.oxygen_pairing(
        pair.lowest.relaxation,
        settings.relaxation,
        lithium_removed=share,
        starts=settings.pairing_starts,
        seed=settings.seed,
    )
    return [found]


def _notes(own: _Cell) -> list[str]:
    notes = []
    notes += [f"discharged cell {words}" for words in doubts_of(own.rich)]
    intended = own.built.site_properties.get("charge")
    if own.rich.moments_mub is not None and intended is not None:
        told = charges_from_moments(own.rich.crystal, own.rich.moments_mub, intended)
        for element in dict.fromkeys(site.element for site in told):
            verdicts = [site.verdict for site in told if site.element == element]
            said = {"agrees": "as its formal charge", "differs": UNLIKE, "cannot tell": "between two charges"}
            words = [f"{verdicts.count(v)} {of}" for v, of in said.items() if v in verdicts]
            notes.append(f"moments of {element}: {', '.join(words)}")
    for share, pair in own.charged.items():
        if isinstance(pair, LirichError):
            notes.append(f"charged {100 * share:.0f} %: {pair}")
        else:
            lowest = "; ".join((f"lowest with {pair.lowest.words}", *pair.lost))
            notes.append(f"charged {100 * share:.0f} %: {lowest}")
    return notes

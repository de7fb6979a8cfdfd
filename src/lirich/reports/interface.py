"""The pages of ``lirich interface``: windows, contacts, maps and stacks, with what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lirich.interfaces.contact import Contact
from lirich.interfaces.coverage import Coverage
from lirich.interfaces.mixing import Mixing
from lirich.interfaces.windows import Limit, Window
from lirich.plots import Figure
from lirich.plots.reactions import INERT_MEV
from lirich.plots.stack import STRONG_MEV, WEAK_MEV
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.workbench.solids import interface_figures as drawn
from lirich.workbench.solids.interface import Met, ReactionMap, Stack

METHOD = (
    "Every answer is an equilibrium: of all mixtures of phases with the same atoms the one of the lowest energy, found "
    "by linear programming (Ong et al., Chem. Mater. 20 (2008) 1798; Zhu, He & Mo, ACS Appl. Mater. Interfaces 7 "
    "(2015) 23685; Richards et al., Chem. Mater. 28 (2016) 266).",
    "It says what may happen and how much energy drives it, not how fast: a reaction that is allowed can be slow, or "
    "end in a layer that protects. Strain, contact and electronic conductivity are not in it.",
    "Intervals: the energies are drawn 200 times within their errors. These are taken as independent, which makes the "
    "intervals rather too wide.",
    "At a voltage lithium comes and goes freely; what each solid would do alone is taken off.",
    f"Published screenings draw the line at gains between {WEAK_MEV:.0f} and {STRONG_MEV:.0f} meV/atom.",
)
"""What every page says of the method; ``docs/explanation/interfaces.md`` has the equations."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page; the columns numbered in ``right`` hold numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says: a question with its answer, figures, tables, and what is known of the chemical systems."""

    title: str
    question: str
    answer: Sequence[str]
    figures: Sequence[Figure]
    tables: Sequence[Table]
    coverage: Sequence[str]
    energies: str
    method: Sequence[str] = field(default=METHOD)


def interface_page(page: Page) -> str:
    """Return the page as the text of one HTML file without any outside request."""
    book = FigureBook()
    return templates().get_template("interface.html.j2").render(
        page=page, figures=[book.add(f) for f in page.figures], **page_parts()
    )  # fmt: skip


def window_page(found: Sequence[Window], cathode_v: tuple[float, float], energies: str) -> str:
    """Return the page of the stability windows of some compounds beside the voltages *cathode_v* of the cathode."""
    low, high = cathode_v
    rows = [
        [w.formula, name, _volts(limit), _interval(limit.low, limit.high, 2), _sum(limit.products) or limit.reason]
        for w in found
        for name, limit in (("reduced below", w.reduction), ("oxidised above", w.oxidation))
    ]
    return interface_page(
        Page(
            title=f"Stability of {_and([w.formula for w in found])}" if len(found) < 5 else "Stability windows",
            question=f"Which compounds stand {low:g} to {high:g} V, the range of the cathode?",
            answer=_window_words(found, low, high),
            figures=[drawn.window_figure(found, cathode_v)],
            tables=[Table("Limits", ("Compound", "Limit", "V vs Li", "90 %", "Becomes"), rows, (2,))],
            coverage=_ground([(w.formula, w.coverage, w.notes) for w in found]),
            energies=_energies(energies),
        )
    )


def reaction_page(
    found: Sequence[Contact], mixings: Sequence[Mixing], b: str, energies: str, *, cathode: bool = False
) -> str:
    """Return the page of a contact: *found* and *mixings* in each state of the second solid *b*."""
    first, how = found[0], drawn.how(found[0].voltage)
    worst = min(found, key=lambda c: c.energy_ev_atom)
    made = f", making {_and(drawn.by_amount(worst.products))}" if worst.products else ""
    where = f" ({worst.b})" if cathode else ""
    answer = f"{_verdict(1000.0 * worst.energy_ev_atom)}: at the most {_gain(worst)} meV/atom are gained{where}{made}."
    mixing_rows = [
        [m.b, f"{100 * k.share_a:.1f}", _number(1000 * k.energy_ev_atom), _millis(k.low, k.high), _sum(k.products)]
        for m in mixings
        for k in m.kinks
    ]
    heads = ("With", "Atoms from it, %", "meV/atom", "90 %", "Products per atom of both")
    return interface_page(
        Page(
            title=f"{first.a} in contact with {b}, {how}",
            question=f"What do {first.a} and {b} do where they touch?",
            answer=[answer],
            figures=[drawn.contact_figure(_distinct(found), b, cathode), drawn.mixing_figure(mixings, b)],
            tables=[
                _contact_table(f"Contact, {how}", [(c.a, Met(c.b, c)) for c in found]),
                Table(f"Over the share of {first.a}: where the products change", heads, mixing_rows, (1, 2)),
            ],
            coverage=_ground([(f"{c.a} with {c.b}", c.coverage, c.notes) for c in found]),
            energies=_energies(energies),
        )
    )


def map_page(found: ReactionMap, energies: str) -> str:
    """Return the page of materials against cathode, electrolytes and anode."""
    how = drawn.how(found.voltage)
    columns = list(zip(found.neighbours, zip(*found.met, strict=True), strict=True))
    answer = []
    for (name, group), column in columns:
        kept = [m for m, met in zip(found.materials, column, strict=True) if _mev(met) >= -WEAK_MEV]
        whom = f"{group} {name}" if group != "cathode" else f"cathode, {name}"
        said = _and(kept) if kept else "none"
        answer.append(f"With the {whom}: {said} gain{'s' * (len(kept) < 2)} less than {WEAK_MEV:.0f} meV/atom.")
    cells = [
        (material, Met(f"{group} {name}", met.contact, met.reason))
        for material, row in zip(found.materials, found.met, strict=True)
        for (name, group), met in zip(found.neighbours, row, strict=True)
    ]
    known = [(f"{c.a} with {m.condition}", c.coverage, c.notes) for _, m in cells if (c := m.contact)]
    return interface_page(
        Page(
            title=f"Reactions with {found.cathode} and its neighbours, {how}",
            question="Which materials leave their neighbours alone?",
            answer=answer,
            figures=[drawn.map_figure(found)],
            tables=[_contact_table(f"Contacts, {how}", cells)],
            coverage=_ground(known),
            energies=_energies(energies),
        )
    )


def stack_page(found: Stack, energies: str) -> str:
    """Return the page of a stack of solids."""
    how = drawn.how(found.voltage)
    names = [formula for formula, _ in found.layers]
    rows = [
        (f"{one} | {other}", Met(met.condition, met.contact, met.reason))
        for one, other, row in zip(names, names[1:], found.met, strict=False)
        for met in row
    ]
    bare = [(f"{names[0]} | {_electrolyte(found)}, bare", met) for met in found.bare]
    where, weakest = min(rows, key=lambda pair: _mev(pair[1], unknown=0.0))
    answer = []
    if weakest.contact is not None:
        state = f" ({weakest.condition})" if weakest.condition else ""
        answer.append(f"Most is gained at {where}{state}: {_gain(weakest.contact)} meV/atom.")
    side = _before_anode(found)
    inside, without = (min((_mev(m, unknown=0.0) for m in some), default=0.0) for some in (side, found.bare))
    if found.bare:
        answer.append(
            f"From cathode to electrolyte the worst contact gains {_number(inside)} meV/atom, and without the coating "
            f"{_number(without)} meV/atom."
        )
    return interface_page(
        Page(
            title=f"{' | '.join(names)}, {how}",
            question="What happens where these solids touch?",
            answer=answer,
            figures=[drawn.stack_figure(found)],
            tables=[_contact_table(f"Interfaces, {how}", [*rows, *bare])],
            coverage=_ground([(name, m.contact.coverage, m.contact.notes) for name, m in (*rows, *bare) if m.contact]),
            energies=_energies(energies),
        )
    )


def _electrolyte(found: Stack) -> str:
    return next(formula for formula, role in found.layers if role == "electrolyte")


def _before_anode(found: Stack) -> list[Met]:
    rows = found.met[:-1] if found.layers[-1][1] == "anode" else found.met
    return [met for row in rows for met in row]


def _contact_table(title: str, rows: Iterable[tuple[str, Met]]) -> Table:
    heads = ("Solids", "State or neighbour", "meV/atom", "90 %", "Grade", "Products per atom of both, or why not")
    lines = []
    for name, met in rows:
        c = met.contact
        if c is None:
            lines.append([name, met.condition, "?", "", "", met.reason])
            continue
        low_high = _millis(c.low, c.high)
        lines.append([name, met.condition, _number(_mev(met)), low_high, c.coverage.grade, _sum(c.products) or "–"])
    return Table(title, heads, lines, (2,))


def _distinct(found: Sequence[Contact]) -> list[Contact]:
    """Return the contacts without the states that react as the mixture does: as charged, and as a computed compound."""
    return [c for c in found if not c.b.endswith((", as charged", ", computed"))] or list(found)


def _window_words(found: Sequence[Window], low: float, high: float) -> list[str]:
    whole = [w.formula for w in found if _stands(w, low, high)]
    unsure = [w.formula for w in found if _stands(w, low, high) and not _stands(w, low, high, sure=True)]
    doubt = f" The interval of {_and(unsure)} reaches into the range." if unsure else ""
    words = [f"Over the whole range: {_and(whole)}.{doubt}" if whole else "Over the whole range none, at equilibrium."]
    for w in found:
        said = []
        if w.reduction.voltage is not None and w.reduction.voltage > low:
            said.append(f"takes up lithium below {w.reduction.voltage:.2f} V{_bounds(w.reduction)}")
        if w.oxidation.voltage is not None and w.oxidation.voltage < high:
            said.append(f"is oxidised above {w.oxidation.voltage:.2f} V{_bounds(w.oxidation)}")
        withheld = [n for n, e in (("reduction", w.reduction), ("oxidation", w.oxidation)) if e.withheld]
        if withheld:
            said.append(f"has its {_and(withheld)} limit withheld: {w.coverage.reason()}")
        if said:
            words.append(f"{w.formula} {' and '.join(said)}.")
    return words


def _bounds(limit: Limit) -> str:
    return f" ({_interval(limit.low, limit.high, 2)})" if limit.low is not None else ""


def _stands(w: Window, low: float, high: float, sure: bool = False) -> bool:
    """Say whether the window holds the whole range, with *sure* with its whole interval; no limit is none passed."""
    if w.reduction.withheld or w.oxidation.withheld:
        return False
    lower = w.reduction.high if sure and w.reduction.high is not None else w.reduction.voltage
    upper = w.oxidation.low if sure and w.oxidation.low is not None else w.oxidation.voltage
    return (lower is None or lower <= low) and (upper is None or upper >= high)


def _ground(answers: Iterable[tuple[str, Coverage, tuple[str, ...]]]) -> list[str]:
    """Say for each answer what it rests on; answers that say the same are one line."""
    said: dict[str, list[str]] = {}
    for name, coverage, notes in answers:
        notes = tuple(note for note in notes if coverage.reason() not in note)
        line = f"{coverage.grade}: {'; '.join((coverage.reason(), *notes))}."
        said.setdefault(line, []).append(name)
    return [f"{', '.join(dict.fromkeys(names))}. {line}" for line, names in said.items()]


def _energies(source: str) -> str:
    if source == "embedded":
        return "Reference energies that come with lirich"
    return "Energies of the Materials Project" if source == "mp" else f"Energies of the file {source}"


def _mev(met: Met, unknown: float = float("-inf")) -> float:
    return unknown if met.contact is None else 1000.0 * met.contact.energy_ev_atom


def _gain(contact: Contact) -> str:
    return f"{_number(1000.0 * contact.energy_ev_atom)} ± {1000.0 * (contact.sd or 0.0):.0f}"


def _number(mev: float) -> str:
    return "0" if mev > -INERT_MEV else f"−{-mev:.0f}"


def _verdict(mev: float) -> str:
    if mev > -INERT_MEV:
        return "They leave each other alone"
    return "They gain little" if mev >= -WEAK_MEV else "They may react" if mev >= -STRONG_MEV else "They react"


def _volts(limit: Limit) -> str:
    if limit.voltage is None:
        return "withheld" if limit.withheld else "none"
    return f"{limit.voltage:.2f}"


def _interval(low: float | None, high: float | None, digits: int) -> str:
    if low is None or high is None:
        return ""
    return " to ".join(f"{round(end, digits) + 0.0:.{digits}f}".replace("-", "−") for end in (low, high))


def _millis(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else _interval(1000.0 * low, 1000.0 * high, 0)


def _sum(products: Mapping[str, float] | None) -> str:
    named = products or {}
    return " + ".join(f"{named[formula]:.2g} {formula}" for formula in drawn.by_amount(named))


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""

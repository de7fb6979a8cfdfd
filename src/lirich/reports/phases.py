"""The report of a screening of phases: the map, what was computed, how surely, what to compute next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lirich.quantities import QUANTITIES
from lirich.reports.html import FigureBook, page_parts, templates
from lirich.screening.candidate import LEVEL
from lirich.workbench.solids.phases_figures import words
from lirich.workbench.solids.phases_result import QUANTITY

if TYPE_CHECKING:
    from lirich.workbench.solids.phases_result import PhasesResult


def phases_report(result: PhasesResult) -> str:
    """Return the report as the text of one HTML file without any outside request."""
    screened = result.screened
    study = screened.study
    book = FigureBook()
    first, *others = result.findings
    return templates().get_template("phases.html.j2").render(
        name=study.name,
        corners=study.corners,
        calculator=study.calculator,
        atoms=study.atoms,
        level=f"{LEVEL:.0%}",
        pre_filter=first.message,
        findings=others,
        answer=result.answer,
        figures=[book.add(f) for f in result.figures],
        asked=[words(a) for a in screened.asked],
        following=[words(a) for a in screened.following],
        left_out=screened.left_out,
        computed=screened.computed,
        phases=list(QUANTITY),
        method=_method(result),
        defined=[QUANTITIES[key] for key in QUANTITY.values()],
        **page_parts(),
    )  # fmt: skip


def _method(result: PhasesResult) -> list[str]:
    screened = result.screened
    study = screened.study
    return [
        f"Calculator: {study.calculator}: {screened.version}",
        f"{study.cells} cells of {study.atoms} atoms of each order, relaxed with free shape until no force is above "
        f"{study.relaxation.force_max_ev_a:g} eV/Å, at most {study.relaxation.max_steps} steps",
        "Layered cells by the electrostatic energy of formal charges, spinel-type cells likewise (metals on 16d), rock "
        "salt at random; layered and spinel stand with their lowest cell, rock salt with the mean of its cells",
        "Learned by a Gaussian process from ionic radius, charge, lithium per metal and shares of the metals; "
        "intervals are widened to what the errors on compositions left out ask for (conformal prediction)",
        f"{screened.jobs} relaxations; {screened.seconds:.0f} s",
        f"Study hash {study.content_hash()[:16]}, lirich {screened.lirich}",
    ]

"""The result of a comparison of groups of cells, as frozen values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lirich.model import Conditions, Finding, Frozen, Interval, Origin
from lirich.model.format import format_conditions, format_origins
from lirich.quantities import QUANTITIES

if TYPE_CHECKING:
    import polars as pl

Correction = Literal["max-t", "holm"]

SIGNIFICANT = 0.05
"""A difference is called secured, and a group better, where the corrected p is below this; the p is printed beside."""


class GroupSummary(Frozen):
    """One group in one row: its cells, their values, mean, sample standard deviation and interval of the mean.

    ``flags`` are those that any of the values has.
    """

    group: str
    n: int
    cells: tuple[str, ...]
    values: tuple[float, ...]
    mean: float
    sd: float | None = None
    interval: Interval | None = None
    conditions: Conditions = Conditions()
    origins: tuple[Origin, ...] = ()
    flags: tuple[str, ...] = ()


class Unlike(Frozen):
    """A condition that differs, in words, and what the values of group *a* and of group *b* state."""

    condition: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.condition} ({self.a} against {self.b})" if self.a != self.b else self.condition


class Contrast(Frozen):
    """Group *a* less group *b*.

    ``refused`` says why nothing is computed (empty: it is), ``differing`` the same condition by condition; ``unlike``
    names the conditions that differ, in a forced contrast too. ``effect_size`` is Hedges' g. ``smallest_p`` and
    ``smallest_p_corrected`` are what the test can reach at best with so many cells. ``favours`` is the group with the
    better mean, where the quantity has a better direction: a direction, not a verdict; the verdict is in
    ``p_corrected`` and the intervals.
    """

    a: str
    b: str
    refused: str = ""
    unlike: tuple[str, ...] = ()
    differing: tuple[Unlike, ...] = ()
    forced: bool = False
    difference: float | None = None
    difference_interval: Interval | None = None
    effect_size: float | None = None
    effect_size_interval: Interval | None = None
    p: float | None = None
    p_corrected: float | None = None
    smallest_p: float | None = None
    smallest_p_corrected: float | None = None
    test: str = ""
    favours: str | None = None


class ComparisonRow(Frozen):
    """One figure under one set of conditions, over all groups that have it."""

    quantity: str
    conditions: Conditions
    groups: tuple[GroupSummary, ...]
    contrasts: tuple[Contrast, ...]
    warnings: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no contrast of the row could be computed."""
        return all(c.refused for c in self.contrasts)

    @property
    def why_refused(self) -> str:
        """Why contrasts of the row were not computed: of each pair where there are several, empty where all were."""
        refused = [c for c in self.contrasts if c.refused]
        if len({c.refused for c in refused}) < 2:
            return refused[0].refused if refused else ""
        return ". ".join(f"{c.a} and {c.b}: {c.refused}" for c in refused)

    @property
    def unlike(self) -> tuple[str, ...]:
        """The conditions in which the groups differ."""
        return tuple(dict.fromkeys(name for c in self.contrasts for name in c.unlike))


class Comparison(Frozen):
    """What `compare` found. ``tests`` is the number of p values in the family that was corrected for."""

    by: str = ""
    groups: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]
    correction: Correction
    tests: int
    level: float
    forced: bool
    seed: int
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nothing could be compared: every row is refused, or there is none."""
        return all(row.refused for row in self.rows)

    @property
    def origins(self) -> dict[str, tuple[Origin, ...]]:
        """Where the values of each group come from; nothing for a group without one."""
        found: dict[str, set[Origin]] = {name: set() for name in self.groups}
        for group in (group for row in self.rows for group in row.groups):
            found[group.group].update(group.origins)
        return {name: tuple(sorted(origins)) for name, origins in found.items()}

    @property
    def groups_in_words(self) -> tuple[str, ...]:
        """The groups, each with the origin of its values where these are not measured: ``SC (simulated)``."""
        told = {name: format_origins(origins) for name, origins in self.origins.items()}
        return tuple(f"{name} ({told[name]})" if told[name] not in ("", name) else name for name in self.groups)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as the object that ``--json`` prints, with name, symbol and unit in each row."""
        data = {**self.model_dump(mode="json"), "refused": self.refused}
        data["origins"] = {name: [str(origin) for origin in origins] for name, origins in self.origins.items()}
        for row, shown in zip(self.rows, data["rows"], strict=True):
            what = QUANTITIES[row.quantity]
            shown.update(name=what.name, symbol=what.symbol, unit=what.unit, better=what.better)
            shown.update(refused=row.refused, unlike=list(row.unlike))
        return data

    def _repr_html_(self) -> str:
        from lirich.workbench.comparison.shown import as_html

        return as_html(self)

    def __str__(self) -> str:
        from lirich.workbench.comparison.shown import as_text

        return as_text(self)

    __repr__ = __str__  # a comparison of all quantities would be pages long

    def table(self) -> pl.DataFrame:
        """Return one row per figure and pair of groups, with every interval; a pair that was refused says why."""
        import polars as pl

        rows = []
        for row in self.rows:
            by_name = {group.group: group for group in row.groups}
            for c in row.contrasts:
                told: dict[str, object] = {
                    "quantity": row.quantity,
                    "unit": QUANTITIES[row.quantity].unit,
                    "conditions": format_conditions(row.conditions),
                }
                for side, name in (("a", c.a), ("b", c.b)):
                    group = by_name[name]
                    told |= {side: name, f"n_{side}": group.n, f"mean_{side}": group.mean}
                    told |= _ends(f"mean_{side}", group.interval)
                told |= {"difference": c.difference, **_ends("difference", c.difference_interval)}
                told |= {"hedges_g": c.effect_size, **_ends("hedges_g", c.effect_size_interval)}
                told |= {"p": c.p, "p_corrected": c.p_corrected, "test": c.test, "refused": c.refused}
                rows.append(told)
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def method(self) -> str:
        """One sentence on how the numbers were made, for a caption."""
        return (
            f"Means with {100 * self.level:g} % t intervals; differences with Welch intervals; Hedges' g with "
            f"noncentral-t intervals; {self._tested()}"
        )

    @property
    def method_of_table(self) -> str:
        """The same of what a table of words holds: it is without the intervals of differences and of g.

        Those are in the report and in `to_dict`.
        """
        return f"Means with {100 * self.level:g} % t intervals; Hedges' g; {self._tested()}"

    def _tested(self) -> str:
        if not self.tests:
            return "no test was possible"
        correction = {
            "max-t": "step-down max-T (Westfall–Young)",
            "holm": "Holm",
        }[self.correction]
        return (
            "two-sided permutation tests (statistic: the p of Welch's t), p corrected for "
            f"{self.tests} test{'s' if self.tests != 1 else ''} by {correction}"
        )


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {f"{name}_low": low, f"{name}_high": high}

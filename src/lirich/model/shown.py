"""Values as a table: circumstances that most of them share are said once, above it, and doubts below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from lirich.model.flags import Marks
from lirich.model.format import format_conditions, format_value
from lirich.model.notebook import MOST_ROWS, Listed, html_lines
from lirich.model.value import Conditions, Origin, Value

_CIRCUMSTANCES = (
    *("voltage_lower_v", "voltage_upper_v", "rate_c", "current_ma_g", "one_c_ma_g", "temperature_celsius", "segment"),
    *("particle_radius_m", "method"),
)
_TOLD = ("statistic", "peak", "current_ma", "as_made")  # of the other conditions; fit settings are in the value itself


def shared_conditions(
    rows: Sequence[Conditions], of: Sequence[str] | None = None
) -> tuple[Conditions, list[Conditions]]:
    """Return the circumstances that most rows share, and what each row says beyond them, without fit settings.

    *of* names the figure of each row: what tells rows of one figure apart, such as the rates of a rate test, is said in
    each of them.
    """
    common: dict[str, object] = {}
    apart: dict[str, set[str]] = {}
    for name in _CIRCUMSTANCES:
        stated = [x for row in rows if (x := getattr(row, name)) is not None]
        most = max(stated, key=stated.count, default=None)
        if most is not None and stated.count(most) > len(rows) / 2:
            common[name] = most
            several: dict[str, set[object]] = {}
            for row, figure in zip(rows, of or (), strict=False):
                several.setdefault(figure, set()).add(getattr(row, name))
            apart[name] = {figure for figure, found in several.items() if len(found) > 1}
    own = [
        row.model_copy(
            update={
                **{
                    name: None
                    for name, value in common.items()
                    if getattr(row, name) == value and not (of and of[number] in apart[name])
                },
                "other": {name: what for name, what in row.other.items() if name in _TOLD},
            }
        )
        for number, row in enumerate(rows)
    ]
    return Conditions.model_validate(common), own


class Values(Listed[Value]):
    """Values that show themselves, each with its conditions and its origin."""

    right: ClassVar[frozenset[str]] = frozenset({"value"})

    def rows(self) -> list[Mapping[str, str]]:
        """Return what the table says of each of the first values."""
        return self._table()[1]

    def _table(self) -> tuple[str, list[Mapping[str, str]], Marks]:
        shown = list(self[:MOST_ROWS])
        stated = [v.conditions for v in shown]
        common, own = Conditions(), [_without_morphology(c) for c in stated]
        # what a paper does not state is not what most papers state: only cells of one's own share their circumstances
        if all(v.origin is not Origin.LITERATURE for v in shown):
            common, own = shared_conditions(stated, [v.quantity for v in shown])
        marks = Marks()
        rows: list[Mapping[str, str]] = [
            {
                **value.told(),
                "value": format_value(value) + marks.of(value.flags),
                "conditions": format_conditions(conditions),
                "doubts": "",
            }
            for value, conditions in zip(shown, own, strict=True)
        ]
        if len({v.subject.key for v in shown}) == 1:
            rows = [{**row, "of": ""} for row in rows]
        return format_conditions(common), rows, marks

    def _repr_html_(self) -> str:
        common, _, marks = self._table()
        above = html_lines([f"Unless a row says otherwise: {common}"] if common else [])
        return above + super()._repr_html_() + html_lines(marks.lines)


def _without_morphology(conditions: Conditions) -> Conditions:
    """Return the conditions without what has a column of its own."""
    return conditions.model_copy(update={"other": {k: x for k, x in conditions.other.items() if k != "morphology"}})

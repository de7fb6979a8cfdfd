"""What ``lirich literature`` does: query published values and their references, add records of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.markup import escape

from lirich.cli.options import open_workspace
from lirich.cli.output import console, print_json, show_table
from lirich.errors import LirichError


def literature(
    text: str | None,
    quantity: str | None,
    morphology: str | None,
    sample: str | None,
    reference: str | None,
    conflicts: bool,
    add_records: Path | None,
    folder: Path | None,
    *,
    json: bool,
) -> None:
    """Query published values, or add the user's own records to the workspace."""
    from lirich.model.format import format_conditions, format_value
    from lirich.quantities import QUANTITIES
    from lirich.quantities import quantity as known_quantity
    from lirich.store.literature import filed_elsewhere, load_records, query
    from lirich.store.literature import reference as known_reference

    if quantity is not None:
        known_quantity(quantity)
    if add_records is not None:
        workspace = open_workspace(folder)
        records = load_records(add_records)
        workspace.store.put_values(records, source=f"literature:{add_records.name}")
        sys.stderr.write(f"{len(records)} records of {add_records.name} are in the workspace.\n")
    try:
        values = open_workspace(folder).literature
    except LirichError:
        if folder is not None:
            raise
        values = None  # no workspace here: the carried records alone
    found = query(
        values,
        quantity=quantity,
        morphology=morphology,
        sample=sample,
        reference=reference,
        flag="conflict" if conflicts else None,
        text=text,
    )
    if json:
        print_json({"values": [{**v.model_dump(mode="json"), "unit": v.unit} for v in found]})
        return
    rows = [
        (
            v.subject.key,
            v.conditions.other.get("morphology", ""),
            QUANTITIES[v.quantity].name,
            format_value(v),
            format_conditions(v.conditions),
            v.provenance.source,
            "; ".join((*v.flags, v.note)) if v.flags else v.note,
        )
        for v in found
    ]
    show_table("", ("sample", "SC/PC", "quantity", "value", "conditions", "source", "note"), rows, right=(3,))
    if not found and reference is not None and reference.strip().isdecimal():
        # the review cites many papers of which it gives no number
        console().print(escape(f"[{reference.strip()}] {known_reference(int(reference)).short}"))
    elsewhere = filed_elsewhere(found, quantity) if quantity is not None else ""
    console().print(f"{len(found)} published value(s).{f' {elsewhere}.' if elsewhere else ''}")


def references(text: str | None, reference: str | None, *, json: bool) -> None:
    """List the references of the review: all, those that have all words of *text*, or one number."""
    from lirich.store.literature import REVIEW, load
    from lirich.store.literature import reference as known_reference
    from lirich.store.literature import references as known

    found = [r for r in known() if all(word in r.raw.casefold() for word in (text or "").casefold().split())]
    if reference is not None:
        wanted = reference.strip()
        found = [known_reference(int(wanted))] if wanted.isdecimal() else [r for r in found if wanted in r.raw]
    cited = [str(v.provenance.parameters.get("reference_numbers", "")).split() for v in load()]
    values = {r.number: sum(str(r.number) in numbers for numbers in cited) for r in found}
    if json:
        listed = [{**r.model_dump(mode="json"), "short": r.short, "values": values[r.number]} for r in found]
        print_json({"review": REVIEW, "references": listed})
        return
    rows = [(r.number, r.short, r.doi_or_url or "", values[r.number] or "", r.note) for r in found]
    show_table("", ("no.", "reference", "DOI or address", "values", "note"), rows, right=(0, 3), whole=(0, 3))
    console().print(f"{len(found)} reference(s) of {escape(REVIEW)}.")

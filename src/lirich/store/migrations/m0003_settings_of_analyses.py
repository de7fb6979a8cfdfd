"""3: an analysis keeps the settings that it was made with, not their hash.

A hash says nothing of the settings, so the ones of older analyses are not known: they are as if not kept, and the
cell is shown as out of date until it is analysed again.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, text


def apply(connection: Connection) -> None:
    """Take ``settings_hash`` out of the documents of the analyses."""
    for cell, run, document in connection.execute(text("SELECT cell, run, document FROM analysis")).all():
        found = json.loads(document)
        found.pop("settings_hash", None)
        connection.execute(
            text("UPDATE analysis SET document = :document WHERE cell = :cell AND run = :run"),
            {
                "document": json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                "cell": cell,
                "run": run,
            },
        )

"""A Materials Project of our own: the part of its interface that lirich asks, over the rows of the embedded table.

`answer` takes the parameters of ``GET materials/thermo/`` as mp-api 0.46 sends them. `client` is a package ``mp_api``
in front of it; `server` answers the real client over HTTP.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lirich.interfaces.embedded import embedded_table

VERSION = "2026.04.13"
KEY = "k" * 32
PAGE = 1000


def documents(elements: Iterable[str]) -> list[dict[str, Any]]:
    """Every phase of *elements* as a thermo document, and again on another scale that must not be asked for."""
    found = []
    for number, phase in enumerate(embedded_table().system(elements).phases):
        own = {
            "material_id": f"mp-{number}",
            "composition": {e: 2 * n for e, n in phase.amounts},
            "chemsys": "-".join(sorted(e for e, _ in phase.amounts)),
        }
        found.append({**own, "thermo_type": "GGA_GGA+U", "energy_per_atom": phase.formation_energy_ev_atom})
        found.append({**own, "thermo_type": "GGA_GGA+U_R2SCAN", "energy_per_atom": -50.0})
    return found


def answer(kept: list[dict[str, Any]], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of what *asked* asks for. Raises ``ValueError`` for a parameter that the interface lacks."""
    known = {"chemsys", "nelements_min", "nelements_max", "thermo_types", "_fields", "_limit", "_skip", "_all_fields"}
    if unknown := set(asked) - known:
        raise ValueError(f"not of the interface: {unknown}")
    rows = [d for d in kept if d["thermo_type"] in str(asked["thermo_types"]).split(",")]
    if "chemsys" in asked:
        systems = set(str(asked["chemsys"]).split(","))
        rows = [d for d in rows if d["chemsys"] in systems]
    if "nelements_min" in asked:
        low, high = int(asked["nelements_min"]), int(asked["nelements_max"])
        rows = [d for d in rows if low <= len(d["composition"]) <= high]
    start, fields = int(asked.get("_skip", 0)), str(asked["_fields"]).split(",")
    page = [{f: d[f] for f in fields} for d in rows[start : start + min(int(asked.get("_limit", 100)), PAGE)]]
    return {"data": page, "meta": {"total_doc": len(rows)}}


def client(kept: list[dict[str, Any]], asked: list[Mapping[str, Any]]) -> dict[str, ModuleType]:
    """Return the modules of a client with the signatures of mp-api; each search is noted in *asked*."""

    class MPRestError(Exception):
        pass

    class Thermo:
        def search(
            self,
            *,
            chemsys: str | list[str] | None = None,
            num_elements: tuple[int, int] | None = None,
            thermo_types: list[str] | None = None,
            all_fields: bool = True,
            fields: list[str] | None = None,
        ) -> list[dict[str, Any]]:
            criteria: dict[str, Any] = {"thermo_types": ",".join(thermo_types or ()), "_fields": ",".join(fields or ())}
            if chemsys:
                criteria["chemsys"] = ",".join(chemsys)
                if len(chemsys) > 511:
                    raise MPRestError("REST query returned with error status code 414")
            if num_elements:
                criteria |= {"nelements_min": num_elements[0], "nelements_max": num_elements[1]}
            asked.append(criteria)
            assert not all_fields
            found: list[dict[str, Any]] = []
            while True:
                page = answer(kept, {**criteria, "_limit": PAGE, "_skip": len(found)})
                found += page["data"]
                if len(found) >= page["meta"]["total_doc"]:
                    return found

    class Materials:
        thermo = Thermo()

    class MPRester:
        def __init__(self, *, use_document_model: bool = True, mute_progress_bars: bool = False) -> None:
            assert not use_document_model
            assert mute_progress_bars
            self.api_key, self.db_version, self.materials = KEY, VERSION, Materials()

        def __enter__(self) -> MPRester:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    package, front, core = ModuleType("mp_api"), ModuleType("mp_api.client"), ModuleType("mp_api.client.core")
    package.__path__, front.__path__ = [], []
    package.__spec__ = __spec__  # as `find_spec` wants to see one
    front.MPRester, core.MPRestError = MPRester, MPRestError  # type: ignore[attr-defined]
    return {"mp_api": package, "mp_api.client": front, "mp_api.client.core": core}


@contextmanager
def server(kept: list[dict[str, Any]]) -> Iterator[str]:
    """Serve ``heartbeat`` and ``materials/thermo/`` on this machine and give the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            said: dict[str, Any] = {"version": "0.87.1", "db_version": VERSION, "access_controlled_batch_ids": []}
            status = 200
            if "thermo" in url.path:
                if self.headers.get("x-api-key") != KEY:
                    status, said = 403, {"detail": "Invalid authentication credentials"}
                else:
                    said = answer(kept, dict(parse_qsl(url.query)))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}/"
    finally:
        served.shutdown()
        served.server_close()

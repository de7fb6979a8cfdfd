"""Physics of Li-rich particles, electrodes and cells, on PyBaMM (the extra ``[cells]``).

Importing this package imports nothing heavy; PyBaMM is imported by the modules that need it, without its telemetry.
"""

import os

os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")

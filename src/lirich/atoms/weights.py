"""The names of CHGNet and of the weights in its wheel, for whoever must not load it."""

from __future__ import annotations

CHGNET = "chgnet"
WEIGHTS = ("0.3.0", "0.2.0", "r2scan")
"""The weights in chgnet's wheel, the usual ones first: trained on MPtrj (two generations), and transferred to
r2SCAN."""

"""Cells that nobody built: simulated, fitted, studied and designed on the physics of `lirich.cells`."""

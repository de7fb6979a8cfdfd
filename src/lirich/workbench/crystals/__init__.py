"""Crystals to compute with, the potentials that compute them, and plans of such jobs."""

"""Screenings: what a study asks for is computed, judged, ranked and kept; those of dopants and additives."""

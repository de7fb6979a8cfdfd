"""Candidates → gates → ranking: which dopant, coating or electrolyte to look at next, and why not the others."""

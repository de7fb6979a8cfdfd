"""Solids beside each other: interfaces, coatings, electrolytes, phases, and solid-state cells made of them."""

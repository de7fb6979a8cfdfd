"""Crystals of lithium-rich oxides and their dopants: structures, potentials, relaxation, descriptors.

Crystals are ``pymatgen.core.Structure``; energies are eV, lengths Å, forces eV/Å, stresses eV/Å³, moments µB. Every
number of this room comes from a machine-learned potential: a pre-filter, not density-functional theory.
"""

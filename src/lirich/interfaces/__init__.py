"""Phase equilibria of electrolytes, coatings and cathodes: stability windows and contact reactions.

Energies are formation energies in eV (per atom or per formula as the name says), potentials V against Li/Li⁺. Every
answer names the phases that it rests on and grades how well its chemical system is known.
"""

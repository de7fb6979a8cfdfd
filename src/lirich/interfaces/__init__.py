"""What touches a cathode: phase equilibria, windows, reactions, lattices of coatings, facts of electrolytes.

A science room: figures and compositions in, values out. The reference energies, constants, crystals and facts are small
tables beside the code, each row with its source (``SOURCE.md``).
"""

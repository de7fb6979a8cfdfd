"""What touches a Li-rich cathode, and what happens: phase equilibria, contact reactions, lattice matching, electrolytes."""

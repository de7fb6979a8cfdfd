"""What touches a Li-rich cathode: phase equilibria, contact reactions, lattice matching, solid electrolytes."""

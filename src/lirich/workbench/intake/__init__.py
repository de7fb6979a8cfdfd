"""From files and tables to cells and tests in the catalogue: what came, whose it is, and what is taken back."""

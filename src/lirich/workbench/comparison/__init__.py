"""Groups of cells side by side, and own values beside published ones, under like conditions only."""

"""Physics of Li-rich particles, electrodes and cells."""

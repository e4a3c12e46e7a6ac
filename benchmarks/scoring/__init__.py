"""The same rows scored by the platform, by its peers and by bare processes: one machine, one run, one object store."""

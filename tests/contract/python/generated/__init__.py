"""Everything beside this is generated."""

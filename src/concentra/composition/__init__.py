"""The data: from files and frames to counts of parts in units."""

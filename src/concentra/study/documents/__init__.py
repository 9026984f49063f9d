"""The documents of the study, one file each: the results as a whole in, the manuscript and the report out."""

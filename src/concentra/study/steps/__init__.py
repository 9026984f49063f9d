"""The steps of the study, one file each, numbered as in the published analysis. Steps never import each other."""

"""The figures of the study, one file each. They read tables and compute nothing."""

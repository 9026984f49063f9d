"""The summaries of the study, one file each: tables in, Markdown out."""

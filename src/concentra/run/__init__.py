"""One call from files to an analysis.

============  =============================================================================
`analysis`    `analyze` and `run`: read, measure, ask every question
`options`     what can be asked, and the file that repeats a run
`result`      `Analysis`: tables, notes, verdicts
`write`       the folder: tables, figures, summary, report, account of the files
============  =============================================================================
"""

from concentra.run.analysis import analyze, run
from concentra.run.options import Options
from concentra.run.result import Analysis

__all__ = ["Analysis", "Options", "analyze", "run"]

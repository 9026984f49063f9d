"""The question put to a composition: groups, covariates, pairs and trends, resolved stratum by stratum.

===============  ============================================================================================
`question`       `Question`: what is asked, and how it is written on the command line
`settings`       `Settings`: the numbers that every analysis shares
`design`         `Design`, its `Stratum` and `Term`
`resolve`        from a composition and a question to a design, or a refusal
`matrix`         the model matrix, and what is estimated of its coefficients
`confounding`    columns in which the groups differ
`axis`           labels as numbers: ages, dates, ordered categories
===============  ============================================================================================
"""

from concentra.design.design import Design, Stratum, Term
from concentra.design.question import Question
from concentra.design.resolve import resolve
from concentra.design.settings import Settings

__all__ = ["Design", "Question", "Settings", "Stratum", "Term", "resolve"]

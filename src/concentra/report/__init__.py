"""From tables to what people read.

`findings`
    What a report is written from: tables, notes, options, title, methods.
`document`
    The report as one page of HTML; `page` collects its charts and tables, `sections` has a file for each part,
    `charts` a file for each picture, `bundle` the libraries that the page brings along.
`summary`
    The report as Markdown.
`sentences`
    The answer, what was found in a tissue, the paragraph of methods.
`markdown`
    Tables and text as Markdown, labels escaped.
`pdf`
    Markdown to PDF, DOCX and HTML.
"""

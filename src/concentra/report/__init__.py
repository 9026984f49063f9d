"""From tables to what people read.

`markdown`
    Tables and text as Markdown, labels escaped.
"""

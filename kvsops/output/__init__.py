"""How results are shown: rows to table, JSON, CSV and Markdown; errors and progress."""

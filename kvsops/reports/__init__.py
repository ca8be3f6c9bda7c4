"""What results look like: rows, totals, pages and files."""

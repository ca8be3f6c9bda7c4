"""The bill: what was used, what it costs, what it is compared with and held against."""

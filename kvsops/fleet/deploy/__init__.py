"""A sweep of a whole organization on AWS's own engine: the stack, and what its functions do."""

"""Many accounts and regions in one run: where to look, and looking everywhere at once."""

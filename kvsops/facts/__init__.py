"""Facts for many channels at once: one reader for each fact."""

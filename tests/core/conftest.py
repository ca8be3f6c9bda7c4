"""Property tests look for what is right, not for what is fast: no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("kvsops", deadline=None, database=None, max_examples=200)
settings.load_profile("kvsops")

"""The demonstration fleet: channels, their tags and their use."""

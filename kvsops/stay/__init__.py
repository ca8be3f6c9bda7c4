"""Peers that stay in a channel: a master that plays, a viewer that records."""

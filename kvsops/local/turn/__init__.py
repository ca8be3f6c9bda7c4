"""STUN and TURN for the emulator's channels (RFC 8489, 8656)."""

"""The emulator of the service: moto, extended with signaling channels."""

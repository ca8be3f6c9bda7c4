"""The signaling wire: messages, payloads, ICE servers. Client and emulator share it."""

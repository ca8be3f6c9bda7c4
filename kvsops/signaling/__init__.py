"""One peer's place in a channel: its WebSocket, the messages, and why it was refused."""

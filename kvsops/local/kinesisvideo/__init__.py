"""The control plane of signaling channels, in moto's idiom."""

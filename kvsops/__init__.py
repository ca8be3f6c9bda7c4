"""Operations and cost guard for Kinesis Video Streams WebRTC signaling channels."""

__version__ = "0.2.0"

"""The pure part: channels, judgement; no clock, environment, input or output."""

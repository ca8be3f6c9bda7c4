"""What all operations of the emulated services share: calls, parameters, pages of a listing."""

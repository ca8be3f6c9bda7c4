"""The sweep: what is planned, what may be deleted, the deletion, and the way back."""

"""The data plane: WebSockets of masters and viewers, and the HTTPS operations beside them."""

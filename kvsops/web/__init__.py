"""The page: a server that hands a browser what it needs to join a channel, and the page itself."""

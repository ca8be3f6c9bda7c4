"""One end of a call on aiortc, master or viewer."""

"""A master and a viewer looped back through a channel, to tell whether it works, or why not."""

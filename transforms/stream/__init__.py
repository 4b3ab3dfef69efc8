"""Documents that keep arriving: the same transforms, over a source that does not end."""

"""What runs: command line, settings, graphs and the store's commits."""

__version__ = "0.1.0"

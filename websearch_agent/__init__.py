"""A self-hosted answer engine: asks, searches, reads, and cites what it read."""

__version__ = "0.1.0"

"""Estate: sales intelligence for real-estate brokerages and developers."""

__version__ = "0.1.0"

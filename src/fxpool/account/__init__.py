"""One account: its live book and valuation (pure), and the driver that keeps them true."""

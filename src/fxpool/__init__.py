"""fxpool: one pool for trading accounts on cTrader and MetaTrader, in MetaApi's data formats."""

__version__ = "0.1.0"

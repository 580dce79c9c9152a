"""MetaTrader accounts by way of MetaApi: its REST API, or a pool service that fronts it."""

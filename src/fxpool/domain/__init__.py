"""What a trader means, in Decimal and datetime: symbols, quotes, orders, positions, deals, money.

Imports nothing of ours but errors; knows neither the wire nor any caller's format.
"""

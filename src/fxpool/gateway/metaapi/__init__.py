"""MetaApi's REST API in front of any platform: its paths, its shapes, its codes.

Holds no rule of trading: every call becomes a call of the Platform protocol, which the pool's own
routes use too. What a caller of MetaApi finds different is in docs/metaapi.md.
"""

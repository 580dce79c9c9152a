"""Open API <-> domain <-> MetaApi formats. Pure; the only place where units change."""

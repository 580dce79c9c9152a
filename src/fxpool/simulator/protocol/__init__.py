"""Between the engine's values and the wire's messages. Pure; the only place where units change."""

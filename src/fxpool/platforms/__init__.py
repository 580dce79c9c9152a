"""The Platform protocol and its adapters."""

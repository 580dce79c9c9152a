"""Where quotes come from: a seeded synthetic market, and replays of recorded ones."""

"""What fxpool costs, as ratios to loops by hand in the same run; `python -m bench`."""

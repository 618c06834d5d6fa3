"""Engines: a plan and a world in, what happened out."""

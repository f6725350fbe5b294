"""Bare earth: noise, ground points, terrain surface."""

"""Cross-sections and longitudinal profiles: lines, stations, section lines, areas and volumes."""

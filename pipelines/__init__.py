"""Processes: parameters, analysis and outputs behind the command line, the API and notebooks."""

"""Who may do what: users, keys, sessions, projects, and the log of what was done."""

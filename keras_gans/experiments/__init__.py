"""Studies of papers: each file holds configuration, run, table and figures of one."""

"""Results for people: HTML pages, terminal tables and figures."""

"""General helpers: progress bars, processes, atomic writing of files, versions and HTML tables."""

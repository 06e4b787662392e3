"""A million files: a plan of shards in a store, worked on by any number of processes."""

//! Repositories: packs, loose objects, history, ranges, the index.

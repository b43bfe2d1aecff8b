//! Joins source, detect and filter; runs them in parallel.

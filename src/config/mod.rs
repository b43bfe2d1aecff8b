//! Defaults, files, environment and flags become one `Config`.

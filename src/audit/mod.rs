//! Many repositories, one report.

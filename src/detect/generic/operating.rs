//! The three operating points; written by `benches/train/train.py` with the weights.

/// At least this probability: shown at *high*.
pub const HIGH: f32 = 0.710;

/// At least this probability: shown at *medium*.
pub const MEDIUM: f32 = 0.420;

/// At least this probability: shown at *low*.
pub const LOW: f32 = 0.100;

//! Formats taken apart: checksums, nested JSON, tokens of clouds, private keys. Pure functions; no clock, no network.

pub(super) mod armor;
pub(super) mod bip39;
pub(super) mod cloud;
pub(super) mod crc;
pub(super) mod jwt;
pub(super) mod key;
pub(super) mod nested;
pub(super) mod text;

//! Ask a webhook or a provider whether a secret is still live.

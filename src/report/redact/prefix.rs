//! The start of a secret that only says what format it has, and so may be shown.

/// Format prefixes of well-known keys, longest first within a family. Each is part of every key of its format, so that
/// it tells whose key it is and nothing about this one.
const PREFIXES: &[&str] = &[
    "github_pat_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "glpat-", "gldt-", "glrt-", "glsoat-", "glptt-", "glcbt-",
    "AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-", "1//0", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_",
    "pk_test_", "whsec_", "sk-ant-", "sk-proj-", "sk-or-", "sk-", "sk_", "pk_", "hf_", "gsk_", "r8_", "xoxb-", "xoxp-",
    "xoxa-", "xoxr-", "xoxs-", "xapp-", "npm_", "pypi-", "dckr_", "rubygems_", "SG.", "key-", "shpat_", "shpss_",
    "shppa_", "shpca_", "dop_v1_", "doo_v1_", "dor_v1_", "hvs.", "hvb.", "s.", "eyJ", "-----", "lin_api_", "ntn_",
    "secret_", "figd_", "PMAK-", "NRAK-", "NRII-", "dapi", "dp.pt.", "atlasv1", "ATATT", "ATBB", "ATCTT", "sq0atp-",
    "sq0csp-", "EAAA", "EAA", "cio", "pul-", "tfp_", "vercel_", "nfp_", "sntrys_", "sntryu_", "glsa_", "glc_", "phc_",
    "phx_", "rpa_", "tskey-", "xau_", "xai-", "pplx-", "fw_", "AGE-SECR", "ops_", "cfut_", "v1.0-", "SK", "AC",
];

/// Longest prefix ever shown, in bytes.
const LONGEST: usize = 8;

/// How many first bytes of `secret` are a format prefix that may be shown: at most 8 and at most a fifth of it.
pub(super) fn shown(secret: &[u8]) -> usize {
    let room = LONGEST.min(secret.len() / 5);
    PREFIXES
        .iter()
        .map(|prefix| prefix.as_bytes())
        .filter(|prefix| secret.starts_with(prefix))
        .map(<[u8]>::len)
        .filter(|len| *len <= room)
        .max()
        .unwrap_or(0)
}

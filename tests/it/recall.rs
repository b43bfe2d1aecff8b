//! How much the catalogue finds where nobody wrote an example: values of every third rule in the styles of configuration,
//! code, commands and prose, and values that are almost of its format.

use std::sync::Arc;

use stanch::{
    detect::{Detector, Options, Scratch, checksum},
    model::{Confidence, Kind},
    rules::{
        LoadedRule, RuleSet,
        example::{Dice, expand},
        rule::Gate,
    },
};

/// Styles: `P` the provider, `N` what the value is, `V` the value.
const STYLES: &[&str] = &[
    "P_N = \"V\"",
    "P_N=V",
    "P token = 'V'",
    "P:\n  N: V\n",
    "{\"P\": {\"N\": \"V\"}}",
    "const client = new P(\"V\");",
    "P.configure(N: 'V')",
    "client = P.Client(\"V\")",
    "<P_N>V</P_N>",
    "| P | N | V |",
    "the P N is V",
    "// P access\nfunc main() {\n\tkey := \"V\"\n",
    "deploy --P-N=V",
    "curl https://api.P.com/v1/me -H \"Authorization: Bearer V\"",
    "key = \"V\"  # P N",
];

/// Texts that hold no value of the format: `V` stands for one that has been cut, `X` for a placeholder.
const OTHERS: &[&str] = &[
    "P_N = 'V'",
    "P = 'V'",
    "P_N = \"${P_N}\"",
    "P_N: {{ .Values.P.N }}",
    "P_N = os.environ[\"P_N\"]",
    "P_N = 'X'",
    "P is a service for developers; see the documentation of the N",
    "P_N = your_P_N_here",
];

fn fill(style: &str, provider: &str, name: &str, value: &str) -> String {
    let parts = style.chars().map(|c| match c {
        'P' => provider.to_owned(),
        'N' => name.to_owned(),
        'V' => value.to_owned(),
        'X' => "x".repeat(value.len()),
        c => c.to_string(),
    });
    parts.collect()
}

/// A value of the rule, the word that stands for its provider, and what the value is called.
fn sample(loaded: &LoadedRule) -> Option<(String, String, String)> {
    let mut dice = Dice::new(&loaded.info.name);
    let value = expand("{secret}", &loaded.rule, &mut dice, &checksum::complete).ok()?;
    let word = match loaded.rule.gate {
        Gate::Context => loaded.rule.keywords.first()?.text.trim_matches(['_', '-', '.']).to_owned(),
        _ => loaded.info.provider.clone(),
    };
    let name = loaded.rule.name_words.first().map_or("api_key", |name| name).to_owned();
    Some((String::from_utf8(value).ok()?, word, name))
}

/// Shares of all rules' averages, in percent: of values reported as the provider's own, and of other texts in which a
/// provider's key is seen.
fn measure() -> (f64, f64) {
    let rules = Arc::new(RuleSet::builtin());
    let detector = Detector::new(rules.clone(), Options { confidence: Confidence::Medium, explain: false });
    let mut scratch = Scratch::default();
    let (mut right, mut wrong, mut count) = (0.0, 0.0, 0.0);
    let asked = |loaded: &LoadedRule| {
        let alone = loaded.rule.pattern.starts_with("(?<secret>") || loaded.rule.pattern.starts_with(r"\b(?<secret>");
        loaded.info.kind == Kind::Secret
            && loaded.confidence >= Confidence::Medium
            && (loaded.rule.gate == Gate::Context || loaded.rule.gate == Gate::Keyword && alone)
    };
    for (_, loaded) in rules.iter().filter(|(index, loaded)| index % 3 == 0 && asked(loaded)) {
        let Some((value, word, name)) = sample(loaded) else { continue };
        let mut providers = |style: &str, value: &str| -> Vec<String> {
            let text = fill(style, &word, &name, value);
            let found = detector.scan(text.as_bytes(), b"sample.txt", &mut scratch);
            found.iter().filter(|c| c.probability.is_none()).map(|c| c.rule.provider.clone()).collect()
        };
        let own = STYLES.iter().filter(|style| providers(style, &value).contains(&loaded.info.provider)).count();
        let cut: String = value.chars().take(value.len() * 2 / 3).collect();
        let others = OTHERS.iter().filter(|style| !providers(style, &cut).is_empty()).count();
        right += own as f64 / STYLES.len() as f64;
        wrong += others as f64 / OTHERS.len() as f64;
        count += 1.0;
    }
    assert!(count > 300.0, "{count} rules");
    (100.0 * right / count, 100.0 * wrong / count)
}

#[test]
fn values_are_their_providers_in_most_styles_and_almost_values_nobodys() {
    let (right, wrong) = measure();
    assert!(right >= 92.0, "{right:.1} % of the values are reported as their provider's");
    assert!(wrong <= 2.0, "{wrong:.1} % of the other texts are reported as some provider's");
}

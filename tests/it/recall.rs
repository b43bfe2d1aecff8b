//! How much the catalogue finds where nobody wrote an example: values of every third rule in the styles of configuration,
//! code, commands and prose, and values that are almost of its format.

use std::sync::Arc;

use stanch::{
    detect::{Detector, Options, Scratch, checksum},
    model::{Candidate, Confidence, Kind},
    rules::{
        Choice, LoadedRule, RuleSet,
        example::{Dice, expand},
        rule::Gate,
    },
};

/// Styles: `{p}` the provider, `{n}` what the value is, `{v}` the value.
const STYLES: &[&str] = &[
    "{p}_{n} = \"{v}\"",
    "{p}_{n}={v}",
    "export {p}_{n}=\"{v}\"",
    "{p} token = '{v}'",
    "{p}:\n  {n}: {v}\n",
    "[{p}]\n{n} = {v}\n",
    "{\"{p}\": {\"{n}\": \"{v}\"}}",
    "{\n  \"{p}\": {\n    \"enabled\": true,\n    \"{n}\": \"{v}\"\n  }\n}",
    "{\"provider\": \"{p}\", \"token\": \"{v}\"}",
    "<{p} {n}=\"{v}\"/>",
    "<add key=\"{p}_{n}\" value=\"{v}\" />",
    "{&quot;{p}_{n}&quot;:&quot;{v}&quot;}",
    "{\\\"{p}_{n}\\\":\\\"{v}\\\"}",
    "- name: {p}_{n}\n  value: \"{v}\"\n",
    "variable \"{p}_{n}\" {\n  default = \"{v}\"\n}",
    "provider \"{p}\" {\n  {n} = \"{v}\"\n}",
    "ENV {p}_{n} {v}",
    "{p}_{n} := `{v}`",
    ":{p}_{n} => '{v}'",
    "{p}_{n} -> {v}",
    "os.environ[\"{p}_{n}\"] = \"{v}\"",
    "const client = new {p}(\"{v}\");",
    "{p}.configure({n}: '{v}')",
    "client = {p}.Client(\"{v}\")",
    "client = {p}.Client({n}=\"{v}\")",
    "import {p}\n\nkey = \"{v}\"\n",
    "from {p} import Client\n\nc = Client(\"{v}\")\n",
    "<{p}_{n}>{v}</{p}_{n}>",
    "| {p} | {n} | {v} |",
    "the {p} {n} is {v}",
    "2024-05-01 DEBUG [{p}] using {n} {v}",
    "// {p} access\nfunc main() {\n\tkey := \"{v}\"\n",
    "# {p} {n}\nTOKEN={v}\n",
    "deploy --{p}-{n}={v}",
    "curl https://api.{p}.com/v1/me -H \"Authorization: Bearer {v}\"",
    "curl -H \"X-Api-Key: {v}\" https://api.{p}.io/v2/things",
    "Authorization: Bearer {v}\nHost: api.{p}.com",
    "https://api.{p}.com/v1/things?api_key={v}",
    "GET https://{p}.com/api?limit=1&key={v}",
    "key = \"{v}\"  # {p} {n}",
];

/// Texts that hold no value of the format: `{v}` stands for one that has been cut, `{x}` for a placeholder.
const OTHERS: &[&str] = &[
    "{p}_{n} = '{v}'",
    "{p} = '{v}'",
    "{p}_{n} = \"${{p}_{n}}\"",
    "{p}_{n}: {{ .Values.{p}.{n} }}",
    "{p}_{n} = os.environ[\"{p}_{n}\"]",
    "{p}_{n} = '{x}'",
    "{p} is a service for developers; see the documentation of the {n}",
    "{p}_{n} = your_{p}_{n}_here",
];

fn fill(style: &str, provider: &str, name: &str, value: &str) -> String {
    let blank = "x".repeat(value.len());
    [("{p}", provider), ("{n}", name), ("{v}", value), ("{x}", &blank)]
        .into_iter()
        .fold(style.to_owned(), |text, (mark, filled)| text.replace(mark, filled))
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
/// provider's key is seen, and in which anything is.
fn measure() -> (f64, f64, f64) {
    let rules = Arc::new(RuleSet::builtin());
    let detector = Detector::new(rules.clone(), Options { confidence: Confidence::Medium, explain: false });
    let mut scratch = Scratch::default();
    let (mut right, mut wrong, mut any, mut count) = (0.0, 0.0, 0.0, 0.0);
    let asked = |loaded: &LoadedRule| {
        let alone = loaded.rule.pattern.starts_with("(?<secret>") || loaded.rule.pattern.starts_with(r"\b(?<secret>");
        loaded.info.kind == Kind::Secret
            && loaded.confidence >= Confidence::Medium
            && (loaded.rule.gate == Gate::Context || loaded.rule.gate == Gate::Keyword && alone)
    };
    for (_, loaded) in rules.iter().filter(|(index, loaded)| index % 3 == 0 && asked(loaded)) {
        let Some((value, word, name)) = sample(loaded) else { continue };
        // The providers that are named, and an empty name for what the judge reports.
        let mut providers = |style: &str, value: &str| -> Vec<String> {
            let text = fill(style, &word, &name, value);
            let found = detector.scan(text.as_bytes(), b"sample.txt", &mut scratch);
            let provider = |c: &Candidate| c.probability.map_or(c.rule.provider.clone(), |_| String::new());
            found.iter().map(provider).collect()
        };
        let own = STYLES.iter().filter(|style| providers(style, &value).contains(&loaded.info.provider)).count();
        let cut: String = value.chars().take(value.len() * 2 / 3).collect();
        let others: Vec<_> = OTHERS.iter().map(|style| providers(style, &cut)).collect();
        let share = |n: usize| n as f64 / OTHERS.len() as f64;
        right += own as f64 / STYLES.len() as f64;
        wrong += share(others.iter().filter(|found| found.iter().any(|name| !name.is_empty())).count());
        any += share(others.iter().filter(|found| !found.is_empty()).count());
        count += 1.0;
    }
    assert!(count > 300.0, "{count} rules");
    (100.0 * right / count, 100.0 * wrong / count, 100.0 * any / count)
}

/// The providers that a text's credentials are said to be of.
fn providers(text: &str) -> Vec<String> {
    let detector = Detector::new(Arc::new(RuleSet::builtin()), Options::default());
    let found = detector.scan(text.as_bytes(), b"config.txt", &mut Scratch::default());
    found.iter().map(|candidate| candidate.rule.provider.clone()).collect()
}

/// Random letters and digits, the same in every run.
fn random(seed: &str, length: usize) -> String {
    let mut dice = Dice::new(seed);
    (0..length)
        .map(|_| char::from(b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[dice.below(56)]))
        .collect()
}

/// Anybody's form says less of whose a credential is than the provider's word beside it.
#[test]
fn what_has_a_form_that_anybodys_may_have_is_its_providers() {
    let mut jwt = Vec::new();
    checksum::complete("jwt", &mut jwt);
    let jwt = String::from_utf8(jwt).unwrap();
    assert_eq!(providers(&format!("token = {jwt}")), ["jwt"]);
    assert_eq!(providers(&format!("MONDAY_TOKEN={jwt}")), ["monday"]);
    let key = random("query", 40);
    assert_eq!(providers(&format!("https://api.elsewhere.net/v1/things?api_key={key}")), ["generic"]);
    assert_eq!(providers(&format!("https://api.cohere.com/v1/things?api_key={key}")), ["cohere"]);
}

/// A value that stands where a provider's token would, and has none of its formats, is shown at *low* only; one that stands
/// there for nobody, or by a word that names another value, is shown.
#[test]
fn what_would_be_a_providers_and_has_none_of_its_formats_is_for_low_only() {
    let detector = |confidence| Detector::new(Arc::new(RuleSet::builtin()), Options { confidence, explain: false });
    let (low, medium) = (detector(Confidence::Low), detector(Confidence::Medium));
    let value = random("misfit", 43);
    let found = |detector: &Detector, text: &str| {
        let text = text.replace("VALUE", &value);
        !detector.scan(text.as_bytes(), b"config.txt", &mut Scratch::default()).is_empty()
    };
    for text in [
        "TRELLO_TOKEN=VALUE",
        "trello:\n  api_key: VALUE\n",
        "# trello access\nAPI_KEY=VALUE\n",
        "client = Trello(api_key=\"VALUE\")",
        "base = \"https://api.trello.com\"\ntimeout = 30\ntoken = \"VALUE\"\n",
        "curl -H \"Authorization: Bearer VALUE\" https://api.trello.com/1/boards",
        "https://api.trello.com/1/boards?access_token=VALUE",
        "SENDGRID_API_KEY=VALUE",
        "api_key = \"pplx-VALUE\"",
    ] {
        assert!(!found(&medium, text), "{text}");
        assert!(found(&low, text), "{text}");
    }
    for text in [
        "DEPLOY_TOKEN=VALUE",
        "trello_board: main\napi_key: VALUE\n",
        "https://api.elsewhere.net/1/boards?access_token=VALUE",
        "curl -H \"Authorization: Bearer VALUE\" https://api.elsewhere.net/1/boards",
    ] {
        assert!(found(&medium, text), "{text}");
    }
}

/// What the judge of names and values takes for a credential is named after the provider in its name or address.
#[test]
fn what_the_judge_finds_is_named_after_its_provider() {
    let password = random("password", 16);
    for (text, provider) in [
        ("url = \"mongodb+srv://app:V@cluster0.corp.net/app\"", "mongodb"),
        ("postgresql://app:V@db.corp.net:5432/app", "postgresql"),
        ("postgres://app:V@x.c2x.eu-west-1.redshift.amazonaws.com:5439/dev", "redshift"),
        ("https://app:V@api.corp.net:8443/app", "generic"),
        ("NEO4J_PASSWORD=V", "neo4j"),
        ("db_password = \"V\"", "generic"),
    ] {
        assert_eq!(providers(&text.replace('V', &password)), [provider], "{text}");
    }
}

/// Also where only that provider's rules are wanted.
#[test]
fn a_providers_credentials_are_found_by_its_rules_alone() {
    let choice = Choice { enable: vec!["mongodb".to_owned()], ..Choice::default() };
    let rules = RuleSet::load(&[], &choice).unwrap();
    let detector = Detector::new(Arc::new(rules), Options::default());
    let found = |text: &str| detector.scan(text.as_bytes(), b"config.txt", &mut Scratch::default()).len();
    let password = random("alone", 16);
    assert_eq!(found(&format!("mongodb://app:{password}@db.corp.net/app")), 1);
    assert_eq!(found(&format!("mysql://app:{password}@db.corp.net/app")), 0);
}

#[test]
fn values_are_their_providers_in_most_styles_and_almost_values_nobodys() {
    let (right, wrong, any) = measure();
    assert!(right >= 97.0, "{right:.1} % of the values are reported as their provider's");
    assert!(wrong <= 2.0, "{wrong:.1} % of the other texts are reported as some provider's");
    assert!(any <= 8.0, "{any:.1} % of the other texts are reported");
}

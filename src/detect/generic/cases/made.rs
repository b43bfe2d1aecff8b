//! Forms that scanners tend to miss, sixty made samples each: at least 90 % found at *low*, 75 % at *medium*.

use super::{LOW, MEDIUM, Random, best};

const SAMPLES: u64 = 60;

/// Fills the templates in turn, and counts what is found.
fn check(name: &str, templates: &[(&str, &str)]) {
    let (mut low, mut medium, mut missed) = (0, 0, Vec::new());
    for seed in 0..SAMPLES {
        let (path, template) = templates[seed as usize % templates.len()];
        let (text, value) = Random::new(seed * 31 + 7).fill(template);
        let score = best(path, &text, |v| v == value);
        low += u64::from(score >= LOW);
        medium += u64::from(score >= MEDIUM);
        if score < MEDIUM {
            missed.push(format!("{score:.2} {text}"));
        }
    }
    let enough = low * 100 >= SAMPLES * 90 && medium * 100 >= SAMPLES * 75;
    assert!(enough, "{name}: {low} at low, {medium} at medium, of {SAMPLES}\n{}", missed.join("\n"));
}

#[test]
fn url_passwords() {
    check(
        "URL",
        &[
            (".env", "DATABASE_URL=postgres://app:@leet@@db.acme.io:5432/shop"),
            ("config/app.yml", "  url: amqp://worker:@alnum@@mq.acme.io/jobs"),
            ("app/db.py", r#"url = "mysql://root:@say@@10.1.2.3/shop""#),
            ("src/app.js", "const uri = 'mongodb://svc:@phrase@@mongo.acme.io/main';"),
            ("config/app.json", r#"  "broker": "redis://:@alnum@@cache.acme.io:6379/1","#),
        ],
    );
}

#[test]
fn xml_add_key() {
    check(
        "XML",
        &[
            ("web.config", r#"<add key="DbPassword" value="@sym@" />"#),
            ("web.config", r#"    <add key="ApiKey" value="@hex@"/>"#),
            ("app.config", r#"<add key="smtp:password" value="@leet@" />"#),
            ("app.config", r#"<add key="ClientSecret" value="@alnum@" />"#),
        ],
    );
}

#[test]
fn bearer_literals() {
    check(
        "Bearer",
        &[
            ("app/api.py", r#"headers = {"Authorization": "Bearer @alnum@"}"#),
            ("src/api.js", "  'Authorization': 'Bearer @hex@',"),
            ("docs/api.md", "Authorization: Bearer @alnum@"),
            ("run.sh", r#"curl -H "Authorization: Bearer @uuid@" https://api.acme.io"#),
            ("main.go", r#"req.Header.Set("Authorization", "Bearer @b64@")"#),
        ],
    );
}

#[test]
fn symbols() {
    check(
        "symbols",
        &[
            ("app/db.py", r#"password = "@sym@""#),
            ("config/app.yml", "  password: \"@sym@\""),
            (".env", "DB_PASSWORD=@sym@"),
            ("src/Main.java", r#"String dbPassword = "@sym@";"#),
            ("src/app.js", "  password: '@sym@',"),
            ("config/app.json", r#"  "password": "@sym@","#),
        ],
    );
}

#[test]
fn passphrases() {
    check(
        "passphrases",
        &[
            ("config/app.yml", "  password: \"@phrase@\""),
            (".env", "DB_PASSWORD=@phrase@"),
            ("config/app.properties", "db.password=@phrase@"),
            ("src/app.js", "  password: '@phrase@',"),
            ("app/db.py", r#"passphrase = "@phrase@""#),
        ],
    );
}

#[test]
fn pronounceable() {
    check(
        "pronounceable",
        &[
            ("config/app.yml", "  password: @say@"),
            (".env", "DB_PASSWORD=@say@"),
            ("config/app.properties", "db.password=@say@"),
            ("src/Main.java", r#"String dbPassword = "@say@";"#),
            ("config/app.ini", "password = @say@"),
        ],
    );
}

#[test]
fn configuration_forms() {
    for (name, path, template) in [
        ("yaml", "config/app.yml", "  password: @leet@"),
        ("json", "config/app.json", r#"  "password": "@leet@","#),
        ("env", ".env", "DB_PASSWORD=@leet@"),
        ("properties", "config/app.properties", "db.password=@leet@"),
        ("ini", "config/app.ini", "password = @leet@"),
    ] {
        check(name, &[(path, template)]);
    }
}

//! Bundles made by the real tools: every planted word is found at its original place.
//!
//! `STANCH_NODE_MODULES=/dir/node_modules cargo test -- --ignored bundlers` with esbuild, terser, uglify-js, webpack,
//! webpack-cli, @rspack/core, @rspack/cli, rollup, parcel and vite installed there.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use crate::model::LineColumn;
use crate::source::asset::{Beside, Budget, Nature, unpack};

const WORDS: [&str; 4] = ["first-planted-word", "second-planted-word", "third-planted-word", "fourth-planted-word"];

/// File name and text of the project's sources.
fn sources() -> [(&'static str, String); 4] {
    let [first, second, third, fourth] = WORDS;
    [
        (
            "src/index.js",
            "import { settings } from './config.js';\nimport { connect } from './deep/other.js';\n\
            import './style.js';\nconsole.log(settings, connect(settings.apiKey), settings.nested.url);\n"
                .into(),
        ),
        (
            "src/config.js",
            format!(
                "// configuration\nexport const settings = {{\n  apiKey: \"{first}\",\n  \
            nested: {{ url: `https://user:{second}@example.com/` }},\n}};\n"
            ),
        ),
        (
            "src/deep/other.js",
            format!(
                "/* é😀 */ export function connect(what = \"ünï 😀\") {{\n\tconst long = 1;\n\t\
            return fetch(what, {{ headers: {{ a: \"😀\", Authorization: 'Bearer {third}' + long }} }});\n}}\n"
            ),
        ),
        ("src/style.js", format!("window.__ENV__ = JSON.parse('{{\"key\":\"{fourth}\"}}');\n")),
    ]
}

/// What a tool is told, and what its output is called.
const RUNS: [(&str, &str, &str); 20] = [
    ("esbuild", "esbuild src/index.js --bundle --minify --sourcemap --outfile=out.js", "out.js"),
    ("esbuild inline", "esbuild src/index.js --bundle --minify --sourcemap=inline --outfile=out.js", "out.js"),
    (
        "esbuild no content",
        "esbuild src/index.js --bundle --minify --sourcemap --sources-content=false --outfile=out.js",
        "out.js",
    ),
    ("esbuild plain", "esbuild src/index.js --bundle --sourcemap --charset=utf8 --outfile=out.js", "out.js"),
    (
        "terser",
        "terser src/config.js src/deep/other.js src/style.js -c -m --module --source-map url='out.js.map',includeSources -o out.js",
        "out.js",
    ),
    (
        "terser no content",
        "terser src/config.js src/deep/other.js src/style.js -c -m --module --source-map url='out.js.map' -o out.js",
        "out.js",
    ),
    ("webpack", "webpack --mode production --devtool source-map -o dist", "dist/main.js"),
    ("webpack no sources", "webpack --mode production --devtool nosources-source-map -o dist", "dist/main.js"),
    ("webpack inline", "webpack --mode production --devtool inline-source-map -o dist", "dist/main.js"),
    ("webpack development", "webpack --mode development --devtool source-map -o dist", "dist/main.js"),
    ("webpack eval", "webpack --mode development --devtool eval -o dist", "dist/main.js"),
    ("rspack", "rspack build --mode production --devtool source-map -o dist", "dist/main.js"),
    ("rollup", "rollup src/index.js --format es --compact --sourcemap --file out.js --silent", "out.js"),
    (
        "uglify",
        "uglifyjs src/config.js src/deep/other.js src/style.js -c -m --module --source-map url='out.js.map',includeSources -o out.js",
        "out.js",
    ),
    ("parcel", "parcel build index.html --no-cache --dist-dir dist --log-level error", "dist"),
    ("vite", "vite build --sourcemap --outDir dist --logLevel error", "dist/assets"),
    // Maps that the bundle does not name.
    ("esbuild hidden", "esbuild src/index.js --bundle --minify --sourcemap=external --outfile=out.js", "out.js"),
    ("webpack hidden", "webpack --mode production --devtool hidden-source-map -o dist", "dist/main.js"),
    ("rollup hidden", "rollup src/index.js --format es --sourcemap hidden --file out.js --silent", "out.js"),
    ("vite hidden", "vite build --sourcemap hidden --outDir dist --logLevel error", "dist/assets"),
];

#[test]
#[ignore = "needs STANCH_NODE_MODULES"]
fn bundlers_lead_back_to_their_sources() {
    let modules = std::env::var_os("STANCH_NODE_MODULES").expect("STANCH_NODE_MODULES is set");
    for (what, command, output) in RUNS {
        let directory = tempfile::tempdir().unwrap();
        build(directory.path(), Path::new(&modules), command);
        let mut output = directory.path().join(output);
        if output.is_dir() {
            let scripts = fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().path());
            output = scripts.into_iter().find(|path| path.extension().is_some_and(|e| e == "js")).unwrap();
        }
        let found = originals(&output);
        for word in WORDS {
            assert_eq!(found.get(word).cloned(), Some(expected(word, !what.contains(" no "))), "{what}: {word}");
        }
        println!("{what}: {} words at their original places", WORDS.len());
    }
}

fn build(directory: &Path, modules: &Path, command: &str) {
    for (name, text) in sources() {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(directory.join("index.html"), "<script type=module src=/src/index.js></script>").unwrap();
    fs::write(directory.join("package.json"), "{\"type\":\"module\"}").unwrap();
    std::os::unix::fs::symlink(modules, directory.join("node_modules")).unwrap();
    let shell = format!("node_modules/.bin/{command}");
    let output = Command::new("sh").args(["-c", &shell]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// End of the original's path, line and column.
type Where = (String, LineColumn);

/// Without the source's text a map's UTF-16 columns are the best that is known.
fn expected(word: &str, has_content: bool) -> Where {
    let sources = sources();
    let (name, text) = sources.iter().find(|(_, text)| text.contains(word)).unwrap();
    let at = text.find(word).unwrap();
    let line = text[..at].matches('\n').count() as u32 + 1;
    let before = text[..at].rsplit('\n').next().unwrap();
    let column = if has_content { before.chars().count() } else { before.encode_utf16().count() } as u32 + 1;
    ((*name).to_owned(), LineColumn { line, column })
}

/// Where each word of a bundle comes from, by its map; the originals in the map must hold the same words.
fn originals(bundle: &Path) -> BTreeMap<String, Where> {
    let bytes = fs::read(bundle).unwrap();
    let beside = |reference: &[u8]| {
        let name = std::str::from_utf8(reference).ok()?;
        fs::read(bundle.parent()?.join(name)).ok()
    };
    let mut found = BTreeMap::new();
    let name = bundle.file_name().unwrap().to_str().unwrap();
    unpack(&bytes, &Budget::default(), Beside { path: name.as_bytes(), read: &beside }, &mut |unit| {
        let Some(map) = unit.map else { return ControlFlow::Continue(()) };
        let places: Vec<(&str, usize)> =
            WORDS.iter().filter_map(|word| Some((*word, memchr::memmem::find(unit.bytes, word.as_bytes())?))).collect();
        let offsets: Vec<usize> = places.iter().map(|(_, at)| *at).collect();
        for ((word, _), original) in places.iter().zip(map.originals(&offsets)) {
            let original = original.unwrap_or_else(|| panic!("{word} is not mapped"));
            let path = original.path.to_string();
            let name = path.rfind("src/").map_or(path.as_str(), |at| &path[at..]).to_owned();
            found.insert((*word).to_owned(), (name, original.at));
        }
        ControlFlow::Continue(())
    });
    let map = bundle.with_extension("js.map");
    if let Ok(json) = fs::read(map) {
        unpack(&json, &Budget::default(), Beside::named(b""), &mut |unit| {
            assert!(
                unit.nature == Nature::Unpacked
                    || WORDS.iter().all(|w| memchr::memmem::find(unit.bytes, w.as_bytes()).is_none())
            );
            ControlFlow::Continue(())
        });
    }
    found
}

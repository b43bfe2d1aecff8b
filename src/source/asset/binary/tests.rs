//! Tests of the tables of strings, on hand-made files.

use bstr::BStr;

use super::super::corpus::{all, gzip, skipped, timed, zip};
use super::super::{Container, Lines, recognise};

const WORD: &str = "the-word-to-find";

/// Where a word is said to be: path, noun and number.
fn found(bytes: &[u8], needle: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    super::super::unpack(bytes, &super::super::Budget::default(), super::super::Beside::named(b""), &mut |unit| {
        for at in memchr::memmem::find_iter(unit.bytes, needle.as_bytes()) {
            let line = 1 + memchr::memchr_iter(b'\n', &unit.bytes[..at]).count() as u32;
            let place = match unit.lines {
                Lines::Text => format!("line {line}"),
                Lines::Numbered(numbering) => format!("{} {}", numbering.noun(), numbering.number(line)),
            };
            out.push((unit.inside.iter().map(|part| part.to_string()).collect::<Vec<_>>().join("!"), place));
        }
        std::ops::ControlFlow::Continue(())
    });
    out
}

/// Asserts that a word is found at one place, within a zip too, that cutting does no harm, and that nothing is skipped.
fn check(kind: Container, bytes: &[u8], needle: &str, place: &str) {
    assert_eq!(recognise(bytes), Some(kind));
    assert_eq!(found(bytes, needle), [(String::new(), place.to_owned())], "{kind:?}");
    assert_eq!(skipped(&all(bytes).1), [], "{kind:?}");
    assert_eq!(found(&zip(&[("x", bytes)]), needle), [("x".to_owned(), place.to_owned())], "{kind:?}");
    for cut in 0..bytes.len() {
        let _ = all(&bytes[..cut]);
    }
}

pub(in super::super) fn dex(strings: &[&str]) -> Vec<u8> {
    let mut out = b"dex\n035\0".to_vec();
    out.resize(0x70, 0);
    out[0x38..0x3c].copy_from_slice(&(strings.len() as u32).to_le_bytes());
    out[0x3c..0x40].copy_from_slice(&0x70u32.to_le_bytes());
    let mut data = Vec::new();
    let base = 0x70 + 4 * strings.len();
    for string in strings {
        out.extend_from_slice(&((base + data.len()) as u32).to_le_bytes());
        let mut length = string.chars().count();
        while length > 0x7f {
            data.push(length as u8 | 0x80);
            length >>= 7;
        }
        data.push(length as u8);
        data.extend_from_slice(string.as_bytes());
        data.push(0);
    }
    out.extend(data);
    out
}

/// A container of version 41: a header and the string ids for each string, then what they share.
pub(in super::super) fn dex_container(strings: &[&str]) -> Vec<u8> {
    const HEADER: usize = 0x78;
    let mut out = Vec::new();
    let end = strings.len() * (HEADER + 4);
    let mut data = Vec::new();
    for string in strings {
        let start = out.len();
        out.extend_from_slice(b"dex\n041\0");
        out.resize(start + HEADER, 0);
        for (at, value) in [(0x20, HEADER + 4), (0x24, HEADER), (0x38, 1), (0x3c, start + HEADER), (0x74, start)] {
            out[start + at..start + at + 4].copy_from_slice(&(value as u32).to_le_bytes());
        }
        out.extend_from_slice(&((end + data.len()) as u32).to_le_bytes());
        data.push(string.len() as u8);
        data.extend_from_slice(string.as_bytes());
        data.push(0);
    }
    let last = out.len() - HEADER - 4;
    out[last + 0x20..last + 0x24].copy_from_slice(&((HEADER + 4 + data.len()) as u32).to_le_bytes());
    out.extend(data);
    out
}

#[test]
fn every_header_of_a_dex_container_is_read() {
    let bytes = dex_container(&["first string", WORD, "third string"]);
    check(Container::Dex, &bytes, WORD, "string 1");
    assert_eq!(found(&bytes, "third string")[0].1, "string 2");
    assert_eq!(skipped(&all(&bytes).1), []);
    // Headers that all name one large table cost what they say, and no more.
    let mut hostile = dex_container(&vec!["xyz"; 20_000]);
    let table = (hostile.len() as u32 / 4 - 1000).to_le_bytes();
    for header in hostile.chunks_exact_mut(0x7c).take(20_000) {
        header[0x38..0x3c].copy_from_slice(&table);
        header[0x3c..0x40].fill(0);
    }
    let (_, spent) = timed(|| all(&hostile));
    assert!(spent < std::time::Duration::from_secs(20), "{spent:?}");
}

#[test]
fn dex_strings_have_their_index() {
    let key = format!("0{WORD}\nwith a second line");
    let long = "z".repeat(300);
    let bytes = dex(&["", "a", "Ljava/lang/String;", &long, &key, "end of it"]);
    check(Container::Dex, &bytes, WORD, "string 4");
    assert_eq!(found(&bytes, "end of it")[0].1, "string 5");
}

#[test]
fn a_broken_table_is_read_as_printable_runs() {
    let mut bytes = dex(&[WORD, "another string"]);
    bytes[0x70..0x74].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(found(&bytes, WORD).len(), 1);
    assert!(skipped(&all(&bytes).1)[0].1.contains("dex: broken"));
}

fn chunk(kind: u16, header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend_from_slice(&(8 + header.len() as u16).to_le_bytes());
    out.extend_from_slice(&((8 + header.len() + body.len()) as u32).to_le_bytes());
    out.extend_from_slice(header);
    out.extend_from_slice(body);
    out
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn pool(strings: &[&str], utf8: bool) -> Vec<u8> {
    let (mut offsets, mut data) = (Vec::new(), Vec::new());
    for string in strings {
        offsets.push(data.len() as u32);
        if utf8 {
            data.extend_from_slice(&[string.chars().count() as u8, string.len() as u8]);
            data.extend_from_slice(string.as_bytes());
            data.push(0);
        } else {
            data.extend_from_slice(&(string.encode_utf16().count() as u16).to_le_bytes());
            data.extend(string.encode_utf16().flat_map(u16::to_le_bytes));
            data.extend_from_slice(&[0, 0]);
        }
    }
    data.resize(data.len().next_multiple_of(4), 0);
    let start = 28 + 4 * strings.len() as u32;
    let header = words(&[strings.len() as u32, 0, if utf8 { 256 } else { 0 }, start, 0]);
    chunk(1, &header, &[words(&offsets), data].concat())
}

pub(in super::super) fn resources(utf8: bool) -> Vec<u8> {
    let global = pool(&["unused string", WORD, "a number"], utf8);
    let keys = pool(&["app_name", "maps_key"], utf8);
    let types = pool(&["string"], utf8);
    // Two entries: key 0 is a number, key 1 is string 1.
    let entries = [words(&[8, 0, 0x1000_0008, 7]), words(&[8, 1, 0x0300_0008, 1])].concat();
    let kind =
        chunk(0x201, &[vec![1, 0, 0, 0], words(&[2, 20 + 8 + 8])].concat(), &[words(&[0, 16]), entries].concat());
    let mut package = vec![0; 276 - 8];
    package.splice(276 - 8.., words(&[0, 0, 0]));
    let keys_at = (8 + package.len() + types.len()) as u32;
    package[268..272].copy_from_slice(&keys_at.to_le_bytes());
    let kind = fix_start(kind);
    let package = chunk(0x200, &package, &[types, keys, kind].concat());
    chunk(2, &words(&[1]), &[global, package].concat())
}

/// Sets where a type's entries start: behind its header and its two offsets.
fn fix_start(mut kind: Vec<u8>) -> Vec<u8> {
    let header = u16::from_le_bytes([kind[2], kind[3]]) as u32;
    kind[16..20].copy_from_slice(&(header + 8).to_le_bytes());
    kind
}

#[test]
fn resources_stand_beside_their_names() {
    for utf8 in [true, false] {
        let bytes = resources(utf8);
        check(Container::Resources, &bytes, WORD, "string 1");
        assert_eq!(found(&bytes, &format!("maps_key = \"{WORD}\""))[0].1, "string 1");
        assert_eq!(found(&bytes, "unused string")[0].1, "string 0");
    }
}

pub(in super::super) fn binary_xml() -> Vec<u8> {
    let strings = pool(&["meta-data", "name", "value", "com.example.API_KEY", WORD], false);
    let attribute = |name: u32, value: u32| words(&[u32::MAX, name, value, 0x0300_0008, value]);
    let body =
        [words(&[u32::MAX, 0]), vec![20, 0, 20, 0, 2, 0, 0, 0, 0, 0, 0, 0], attribute(1, 3), attribute(2, 4)].concat();
    let element = chunk(0x102, &words(&[34, u32::MAX]), &body);
    chunk(3, &[], &[strings, element].concat())
}

#[test]
fn binary_xml_is_written_out_by_line() {
    let bytes = binary_xml();
    check(Container::BinaryXml, &bytes, WORD, "line 34");
    assert_eq!(found(&bytes, &format!("<meta-data name=\"com.example.API_KEY\" value=\"{WORD}\">")).len(), 1);
}

pub(in super::super) fn class(constants: &[&str]) -> Vec<u8> {
    let mut out = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
    // A long first: it takes two numbers.
    out.extend_from_slice(&(constants.len() as u16 + 3).to_be_bytes());
    out.extend_from_slice(&[5, 0, 0, 0, 0, 0, 0, 0, 1]);
    for constant in constants {
        out.push(1);
        out.extend_from_slice(&(constant.len() as u16).to_be_bytes());
        out.extend_from_slice(constant.as_bytes());
    }
    out
}

#[test]
fn class_constants_have_their_number() {
    check(Container::Class, &class(&["Main", WORD, "java/lang/Object"]), WORD, "constant 4");
}

pub(in super::super) fn hermes(version: u32, strings: &[&str]) -> Vec<u8> {
    let (mut small, mut large, mut storage) = (Vec::new(), Vec::new(), Vec::new());
    for string in strings {
        let wide = !string.is_ascii();
        let (offset, length) = (storage.len() as u32, string.encode_utf16().count() as u32);
        if wide {
            storage.extend(string.encode_utf16().flat_map(u16::to_le_bytes));
        } else {
            storage.extend_from_slice(string.as_bytes());
        }
        if length < 255 {
            small.push(u32::from(wide) | offset << 1 | length << 24);
        } else {
            small.push(u32::from(wide) | (large.len() as u32 / 2) << 1 | 255 << 24);
            large.extend([offset, length]);
        }
    }
    let mut out = 0x1F19_03C1_03BC_1FC6_u64.to_le_bytes().to_vec();
    out.resize(128, 0);
    let counts = [1, 1, 2, small.len() as u32, large.len() as u32 / 2, storage.len() as u32];
    out[8..12].copy_from_slice(&version.to_le_bytes());
    out[40..64].copy_from_slice(&words(&counts));
    out.resize(128 + if version < 97 { 16 } else { 12 } + 4 + 8, 0xee);
    out.extend(words(&small));
    out.extend(words(&large));
    out.extend(storage);
    out
}

#[test]
fn hermes_strings_are_cut_apart() {
    let long = "y".repeat(300);
    for version in [84, 99] {
        let bytes = hermes(version, &["before", &format!("a{WORD}b"), "after", &long, "ünïcode-string"]);
        check(Container::Hermes, &bytes, &format!("a{WORD}b\n"), "string 1");
        assert_eq!(found(&bytes, "ünïcode-string\n")[0].1, "string 4");
        assert_eq!(found(&bytes, &format!("\n{long}\n")).len(), 1);
    }
}

#[test]
fn wasm_data_is_read_and_code_is_not() {
    let section = |id: u8, body: &[u8]| [&[id, body.len() as u8][..], body].concat();
    let data = [&[1, 0, 0x41, 0, 0x0b, 16][..], WORD.as_bytes()].concat();
    let bytes = [b"\0asm\x01\0\0\0".to_vec(), section(10, b"code that says nothing"), section(11, &data)].concat();
    let at = memchr::memmem::find(&bytes, WORD.as_bytes()).unwrap();
    check(Container::Wasm, &bytes, WORD, &format!("byte {at}"));
    assert_eq!(found(&bytes, "code that says"), []);
}

#[test]
fn executables_yield_narrow_and_wide_strings() {
    let wide: Vec<u8> = WORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bytes = [&b"\x7fELF\x02\x01\x01\0"[..], WORD.as_bytes(), b"\0\x01", b"(", &wide, b"\0\x03short\0"].concat();
    let numbers: Vec<String> = found(&bytes, WORD).into_iter().map(|(_, place)| place).collect();
    assert_eq!(numbers, ["byte 8", "byte 27"]);
    assert_eq!(recognise(&bytes), Some(Container::Executable));
}

pub(in super::super) fn plist() -> Vec<u8> {
    // Objects: 0 a dictionary of two, 1 and 2 keys, 3 a string, 4 a wide string.
    let mut out = b"bplist00".to_vec();
    let wide: Vec<u8> = "wíde".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let objects: [Vec<u8>; 5] = [
        vec![0xd2, 1, 2, 3, 4],
        b"\x56ApiKey".to_vec(),
        b"\x54Name".to_vec(),
        [&[0x5f, 0x10, WORD.len() as u8][..], WORD.as_bytes()].concat(),
        [&[0x64][..], &wide].concat(),
    ];
    let mut offsets = Vec::new();
    for object in objects {
        offsets.push(out.len() as u8);
        out.extend(object);
    }
    let table = out.len() as u64;
    out.extend(&offsets);
    out.extend([0, 0, 0, 0, 0, 0, 1, 1]);
    out.extend(5u64.to_be_bytes());
    out.extend(0u64.to_be_bytes());
    out.extend(table.to_be_bytes());
    out
}

#[test]
fn property_lists_pair_keys_and_strings() {
    let bytes = plist();
    check(Container::Plist, &bytes, WORD, "object 3");
    assert_eq!(found(&bytes, &format!("ApiKey = \"{WORD}\"")).len(), 1);
    assert_eq!(found(&bytes, "Name = \"wíde\"").len(), 1);
}

pub(in super::super) fn pyc() -> Vec<u8> {
    // The length of the string, 48, is the digit 0: a run of printable bytes would begin with it.
    let key = format!("{WORD}{}", "k".repeat(32));
    [&[0xa7, 0x0d, 0x0d, 0x0a][..], &[0; 12], &[0xe3, 0, 0, 0], &[0xda, 48], key.as_bytes(), &[0xfa, 4], b"name"]
        .concat()
}

#[test]
fn compiled_python_strings_start_where_they_start() {
    let bytes = pyc();
    check(Container::Pyc, &bytes, &format!("{WORD}kkkk"), "byte 22");
    assert_eq!(found(&bytes, "name\n").len(), 1);
    let (seen, _) = all(&bytes);
    assert!(seen[0].text.starts_with(WORD.as_bytes()), "{:?}", BStr::new(&seen[0].text));
}

pub(in super::super) fn sqlite() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch("create table keys (name text, value text, n integer); create table big (t text)").unwrap();
    for number in 0..200 {
        let values = rusqlite::params![format!("name{number}"), format!("value{number}"), number];
        database.execute("insert into keys values (?1, ?2, ?3)", values).unwrap();
    }
    database.execute("insert into keys values ('API_KEY', ?1, 7)", [WORD]).unwrap();
    let long = format!("{}{}", "long text ".repeat(2000), "end-of-long-text");
    database.execute("insert into big values (?1)", [long]).unwrap();
    drop(database);
    std::fs::read(path).unwrap()
}

#[test]
fn sqlite_rows_keep_their_columns_apart() {
    let bytes = sqlite();
    assert_eq!(recognise(&bytes), Some(Container::Sqlite));
    assert_eq!(found(&bytes, &format!("API_KEY\t{WORD}\n")).len(), 1);
    assert_eq!(found(&bytes, "name150\tvalue150\n").len(), 1);
    // A row over many pages is one string.
    let whole = format!("{}end-of-long-text", "long text ".repeat(2000));
    assert_eq!(found(&bytes, &whole).len(), 1);
    assert_eq!(skipped(&all(&bytes).1), []);
    for cut in (0..bytes.len()).step_by(97) {
        let _ = all(&bytes[..cut]);
    }
}

/// A PDF whose second page has a font with codes of its own, the object of which is packed.
pub(in super::super) fn pdf() -> Vec<u8> {
    let mut out = b"%PDF-1.7\n1 0 obj\n<< /Title (a title) >>\nendobj\n".to_vec();
    let mut stream = |number: u32, more: &str, text: &str| {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut zlib, text.as_bytes()).unwrap();
        let data = zlib.finish().unwrap();
        let head = format!("{number} 0 obj\n<< /Length {} {more} /Filter /FlateDecode >>\nstream\n", data.len());
        out.extend([head.as_bytes(), &data, b"\nendstream\nendobj\n"].concat());
    };
    stream(2, "", &format!("BT /F1 12 Tf 10 700 Td [({}) -10 ({})] TJ ET", &WORD[..5], &WORD[5..]));
    let codes: String = "coded-word".bytes().map(|b| format!("{:04x}", b - 32)).collect();
    stream(3, "", &format!("BT /F2 12 Tf 10 700 Td <{codes}> Tj ET"));
    let table = "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange <0000> <005e> <0020> endbfrange";
    stream(4, "", table);
    let (font, resources) = ("<< /Type /Font /ToUnicode 4 0 R >>", "<< /Font << /F2 10 0 R >> >>");
    let head = format!("10 0 11 {} ", font.len() + 1);
    stream(5, &format!("/Type /ObjStm /N 2 /First {}", head.len()), &format!("{head}{font} {resources}"));
    out
}

#[test]
fn pdf_text_is_read_from_its_streams() {
    let bytes = pdf();
    assert_eq!(recognise(&bytes), Some(Container::Pdf));
    assert_eq!(found(&bytes, WORD), [("stream 1".to_owned(), "line 1".to_owned())]);
    assert_eq!(found(&bytes, "coded-word\n"), [("stream 2".to_owned(), "line 1".to_owned())]);
    assert_eq!(found(&bytes, "(a title)").len(), 1);
    for cut in 0..bytes.len() {
        let _ = all(&bytes[..cut]);
    }
}

/// A page of letters and pieces of words that are placed one by one, in a font whose codes are of one byte whatever its
/// table says, and whose widths are known.
#[test]
fn words_of_a_pdf_are_put_together_by_the_widths_of_their_letters() {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut stream = |number: u32, text: &str| {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut zlib, text.as_bytes()).unwrap();
        out.extend(format!("{number} 0 obj\n<< /Filter /FlateDecode >>\nstream\n").into_bytes());
        out.extend([&zlib.finish().unwrap()[..], b"\nendstream\nendobj\n"].concat());
    };
    // Each letter is half the size of the font wide: three letters reach as far as 15 units.
    let pieces = "(the-) Tj 20 0 Td (w) Tj 5 0 Td (ord) Tj 15 0 Td (-to-find) Tj 45 0 Td (next) Tj 20 0 Td [(w) 500 (o)] TJ 5 0 Td (rd) Tj";
    stream(2, &format!("BT /F1 10 Tf 1 0 0 -1 8 700 Tm {pieces} ET"));
    stream(
        3,
        "begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfrange <20> <7e> <0020> endbfrange",
    );
    let widths = "500 ".repeat(95);
    out.extend(format!("4 0 obj << /Type /Font /Subtype /Type3 /FirstChar 32 /Widths 5 0 R /ToUnicode 3 0 R >> endobj\n5 0 obj [{widths}] endobj\n6 0 obj << /Font << /F1 4 0 R >> >> endobj\n").bytes());
    assert_eq!(found(&out, &format!("{WORD} nextword\n")), [("stream 1".to_owned(), "line 1".to_owned())]);
}

#[test]
fn tables_that_overlap_are_charged() {
    // A million entries that all name one string of a megabyte.
    let long = "x".repeat(1 << 20);
    let mut bytes = dex(&vec!["y"; 1_000_000]);
    let at = bytes.len() as u32;
    bytes.extend_from_slice(&[0x80, 0x80, 0x40]);
    bytes.extend_from_slice(long.as_bytes());
    bytes.push(0);
    for id in bytes[0x70..0x70 + 4_000_000].chunks_exact_mut(4) {
        id.copy_from_slice(&at.to_le_bytes());
    }
    let budget = super::super::Budget { expanded: 64 << 20, ..Default::default() };
    let (_, unpacked) = super::super::corpus::walk(&gzip(&bytes), &budget);
    assert!(unpacked.bytes < 256 << 20);
    assert!(skipped(&unpacked)[0].1.contains("bytes when unpacked"), "{:?}", skipped(&unpacked));
}

#[test]
fn runs_are_found_at_every_offset() {
    for before in 0..40 {
        for word in ["12345678", "123456789", "a longer run of text"] {
            let narrow = [vec![1; before], word.as_bytes().to_vec(), vec![2; 3]].concat();
            let wide = [vec![1; before], word.encode_utf16().flat_map(u16::to_le_bytes).collect(), vec![2; 3]].concat();
            for body in [narrow, wide] {
                let bytes = [&b"\x7fELF\x02\x01\x01\0"[..], &body].concat();
                assert_eq!(found(&bytes, word), [(String::new(), format!("byte {}", before + 8))], "{before}");
            }
        }
    }
}

/// A field that holds bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    [out, value.to_vec()].concat()
}

pub(in super::super) fn protobuf() -> Vec<u8> {
    // An attribute of a manifest: name and value; the value's length is the digit 0.
    let value = format!("{WORD}{}", "v".repeat(32));
    let attribute = [field(2, b"android:value"), field(3, value.as_bytes())].concat();
    let alone = field(1, &field(1, value.replace("the", "THE").as_bytes()));
    let element = [field(3, b"meta-data"), field(4, &attribute), field(6, &alone), vec![0x28, 1]].concat();
    field(1, &element)
}

#[test]
fn protocol_buffers_are_cut_into_their_fields() {
    let message = protobuf();
    assert_eq!(recognise(&message), None);
    let value = format!("{WORD}{}", "v".repeat(32));
    let bytes = zip(&[("base/manifest/AndroidManifest.xml", &message)]);
    assert_eq!(found(&bytes, &format!("android:value\t{value}\n")).len(), 1);
    assert_eq!(found(&bytes, &format!("\n{}\n", value.replace("the", "THE"))).len(), 1);
    assert_eq!(found(&bytes, WORD)[0].1, "byte 18");
}

pub(in super::super) fn unity(literals: &[&str]) -> Vec<u8> {
    let (mut table, mut text) = (Vec::new(), Vec::new());
    for literal in literals {
        table.extend(words(&[literal.len() as u32, text.len() as u32]));
        text.extend_from_slice(literal.as_bytes());
    }
    let start = 24 + table.len() as u32;
    let header = words(&[0xfab1_1baf, 29, 24, table.len() as u32, start, text.len() as u32]);
    [header, table, text].concat()
}

#[test]
fn unity_literals_are_cut_apart() {
    let bytes = unity(&["before", WORD, "after"]);
    check(Container::Unity, &bytes, WORD, "string 1");
    assert_eq!(found(&bytes, &format!("\n{WORD}\n")).len(), 1);
}

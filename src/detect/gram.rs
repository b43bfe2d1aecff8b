//! Which bytes of a keyword stand for it: those that ordinary text seldom holds.

use super::{Keyword, MAX_BEFORE, MIN_KEYWORD};

/// 5-bit class of a byte (only its low 7 bits count): the low five bits from `@` on, so that letters of either case are
/// apart from each other and from most else; digits and the common marks share the classes of rare ones.
pub const CLASS: [u8; 128] = classes();

const fn classes() -> [u8; 128] {
    let mut table = [0; 128];
    let mut b = 0;
    while b < 128 {
        table[b] = match b as u8 {
            0..=b' ' => 0,
            b'0'..=b'9' => 28,
            b'.' | b'/' | b':' => 29,
            b'-' => 30,
            b'!'..=b'?' => 27,
            byte => byte & 31,
        };
        b += 1;
    }
    table
}

/// How rare a pair of classes is: a character per pair, `#` + twice the negative binary logarithm of its share.
///
/// Counted over 19 MB drawn evenly from 120 MB of Rust, C, JavaScript, TOML and JSON sources and 60 MB of English documentation.
const RARITY: [&[u8; 32]; 32] = [
    br")242443772<;44543>4214758;:.2159",
    br"6<755=97A7B:353E6D3329:::8?87:><",
    br"58>:=7>BE8;E6AA8@G;<?7DGG8E879A<",
    br"95=:=59B59B67;@2<E6;59@@A=F879?7",
    br"36;<82<>A6DD;=@8>B99=:>;?<F567=6",
    br"04:43769>;;=462<77123>8859A374:5",
    br"58><;76:G5IF9<75AF7;::HDG>I777?;",
    br"6<B@B5B@:6IC<?9:AG::<:DCFAB7<9@9",
    br"75BBA3CEF7IAB=C7BF;=89FBIAG9@;A:",
    br";7955767C?F=56048C842B8B:G6;:<B<",
    br"A@GDH:GII@JEIGI>FIF:I@IHIKI@DDIF",
    br":=@A?6BAD:IFCB=>BHD;@?ECCEI8>;A;",
    br"65>?826?B3I@5@?5;E@877?>B8A8?9?9",
    br"84:@=3BEG7EC=9@75CA:<5BCF@G8=9?9",
    br"36?64494@7C:9=:4:F>328::E:A6<8<8",
    br"5<965=6;C9?874186J276597<BC9?;?8",
    br"95@<=5@B<8H>6=A69D5864>AE:G8::@9",
    br"@EFEDEIJHGKI;HFJGGCEE9HIJIK8A=K@",
    br"44>881;7A4I:;874>F6657;>B7I4;6=8",
    br"27>7>1>=74G<:<<68:<516@>C9B5<5<6",
    br"14?8:1;=23HB:<?48E4677?<=6@3:5;4",
    br"=;58;7:;G7IF584>8I543AEH=HD<6@F@",
    br"?6DBE5CDG9IGCAD<@FC@@EFEBHD=<>E>",
    br";8CBB9BF97HCBD;8CI8;AFE@DII8A=C;",
    br":;@;?;=CC=IIDADB:JDA8CGD?AD85:=:",
    br"5A?AB<ABC>GF>=;;7J>99ECA@FC7?9?9",
    br"B>GBA6FHD=IIBAC=GJF>GGHGIBB?@AH?",
    br"-686898;86><:68:8B8577:;:>=.43<;",
    br"4777778AB?C?B@<@?B=>?<B@6EC1.4:7",
    br"/9:79999;7>?:9798C9899<;AC>460@@",
    br"9<>=>>>@A>CC>???=F><=>A?FG@68C7G",
    br">786878;;6A=87987A8578:;@A?;9?D;",
];

/// For each keyword the place of its gram, so that few positions of ordinary text pass the filter.
pub(super) fn choose(keywords: &[Keyword<'_>]) -> Vec<usize> {
    let mut chooser = Chooser::new();
    let mut order: Vec<usize> = (0..keywords.len()).collect();
    // Those with the least choice first; the others can then use the same pairs.
    order.sort_by_key(|&index| keywords[index].text.len());
    let mut offsets = vec![0; keywords.len()];
    for round in 0..2 {
        for &index in &order {
            let text = keywords[index].text;
            if round > 0 {
                if text.len() == MIN_KEYWORD {
                    continue;
                }
                chooser.count(text, offsets[index], false);
            }
            offsets[index] = chooser.best(text);
            chooser.count(text, offsets[index], true);
        }
    }
    offsets
}

/// What is known while choosing.
struct Chooser {
    share: Box<[[f32; 32]; 32]>,
    single: [f32; 32],
    /// How many keywords use a pair as their first two, or last two, bytes.
    ab: Box<[[u16; 32]; 32]>,
    bc: Box<[[u16; 32]; 32]>,
    /// By middle class: the share of text that the used pairs let pass.
    ab_mass: [f32; 32],
    bc_mass: [f32; 32],
}

/// What comparing a candidate costs, against telling that a position is none after the first stage.
const CANDIDATE_COST: f32 = 20.0;

impl Chooser {
    fn new() -> Self {
        let mut power = [1.0_f32; 64];
        for i in 1..64 {
            power[i] = power[i - 1] * std::f32::consts::FRAC_1_SQRT_2;
        }
        let mut share = Box::new([[0.0; 32]; 32]);
        let mut single = [0.0; 32];
        for (a, row) in RARITY.iter().enumerate() {
            for (b, &rarity) in row.iter().enumerate() {
                share[a][b] = power[usize::from(rarity - b'#') & 63];
                single[a] += share[a][b];
            }
        }
        let none = [[0; 32]; 32];
        Self { share, single, ab: Box::new(none), bc: Box::new(none), ab_mass: [0.0; 32], bc_mass: [0.0; 32] }
    }

    fn best(&self, text: &[u8]) -> usize {
        let mut best = (f32::INFINITY, 0);
        let mut classes = [0; MAX_BEFORE + 4];
        let used = text.len().min(classes.len());
        for (class, &byte) in classes.iter_mut().zip(text) {
            *class = usize::from(CLASS[usize::from(byte & 0x7f)]);
        }
        for (offset, gram) in classes[..used].windows(3).enumerate().take(MAX_BEFORE + 1) {
            let (a, b, c) = (gram[0], gram[1], gram[2]);
            let three = self.share[a][b] * self.share[b][c] / self.single[b];
            let four = match classes[..used].get(offset + 3) {
                Some(&d) => three * (self.share[c][d] / self.single[c]).max(0.125),
                None => three,
            };
            let new_ab = if self.ab[a][b] == 0 { self.share[a][b] } else { 0.0 };
            let new_bc = if self.bc[b][c] == 0 { self.share[b][c] } else { 0.0 };
            let passing = (new_ab * (self.bc_mass[b] + new_bc) + new_bc * self.ab_mass[b]) / self.single[b];
            let cost = passing + four * CANDIDATE_COST;
            if cost < best.0 {
                best = (cost, offset);
            }
        }
        best.1
    }

    fn count(&mut self, text: &[u8], offset: usize, add: bool) {
        let [a, b, c] = [0, 1, 2].map(|i| usize::from(CLASS[usize::from(text[offset + i] & 0x7f)]));
        for (uses, mass, share) in [
            (&mut self.ab[a][b], &mut self.ab_mass[b], self.share[a][b]),
            (&mut self.bc[b][c], &mut self.bc_mass[b], self.share[b][c]),
        ] {
            if add {
                *uses += 1;
                if *uses == 1 {
                    *mass += share;
                }
            } else {
                *uses -= 1;
                if *uses == 0 {
                    *mass = (*mass - share).max(0.0);
                }
            }
        }
    }
}

//! Compressed bitmaps, as a split index holds them (git's `ewah` format).

/// A set of numbers, as runs of equal bits and literal words.
#[derive(Debug, Default)]
pub(super) struct Bitmap {
    /// Words that are not all zero, by their number; runs of ones as ranges.
    words: Vec<(u64, Run)>,
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// So many words of ones from here.
    Ones(u64),
    /// These bits.
    Literal(u64),
}

impl Bitmap {
    /// Takes a bitmap off the front of `data`: number of bits, number of words, the words, and the place of the last
    /// marker (which only a writer needs). A marker word holds a bit, how many words of it, and how many literal words
    /// follow.
    pub(super) fn parse(data: &mut &[u8]) -> Option<Self> {
        let word_count = u32::from_be_bytes(data.get(4..8)?.try_into().ok()?) as usize;
        let body = data.get(8..8 + word_count.checked_mul(8)?)?;
        let rest = data.get(8 + word_count * 8 + 4..)?;
        let mut words = Vec::new();
        let mut stream = body.chunks_exact(8).map(|chunk| u64::from_be_bytes(chunk.try_into().unwrap_or_default()));
        let mut number = 0u64;
        while let Some(marker) = stream.next() {
            let run = marker >> 1 & 0xffff_ffff;
            if marker & 1 != 0 && run > 0 {
                words.push((number, Run::Ones(run)));
            }
            number = number.checked_add(run)?;
            for _ in 0..marker >> 33 {
                let literal = stream.next()?;
                if literal != 0 {
                    words.push((number, Run::Literal(literal)));
                }
                number += 1;
            }
        }
        *data = rest;
        Some(Self { words })
    }

    /// Whether it holds this number.
    pub(super) fn contains(&self, number: usize) -> bool {
        let (word, bit) = (number as u64 / 64, number % 64);
        let after = self.words.partition_point(|(start, _)| *start <= word);
        match after.checked_sub(1).map(|at| self.words[at]) {
            Some((start, Run::Ones(length))) => word < start + length,
            Some((start, Run::Literal(bits))) => start == word && bits >> bit & 1 != 0,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bitmap;

    fn bitmap(words: &[u64]) -> Vec<u8> {
        let mut data = [64u32.to_be_bytes(), (words.len() as u32).to_be_bytes()].concat();
        data.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        data.extend(0u32.to_be_bytes());
        data
    }

    #[test]
    fn runs_and_literals_are_told_apart() {
        // Two words of zeros and one literal; then one word of ones.
        let data = bitmap(&[2 << 1 | 1 << 33, 0b101, 1 << 1 | 1]);
        let mut rest = data.as_slice();
        let set = Bitmap::parse(&mut rest).unwrap();
        assert!(rest.is_empty());
        let held: Vec<usize> = (0..300).filter(|&n| set.contains(n)).collect();
        let want: Vec<usize> = [128, 130].into_iter().chain(192..256).collect();
        assert_eq!(held, want);
    }

    #[test]
    fn a_cut_bitmap_is_refused() {
        let data = bitmap(&[1 << 33, 7]);
        for cut in 0..data.len() {
            assert!(Bitmap::parse(&mut &data[..cut]).is_none(), "cut at {cut}");
        }
        assert!(Bitmap::parse(&mut bitmap(&[5 << 33, 7]).as_slice()).is_none());
    }
}

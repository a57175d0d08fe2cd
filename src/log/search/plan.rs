//! Converts a regular expression to expressions that are fast on many lines.
//!
//! The automaton of an expression needs up to two nanoseconds per byte, and a log has up to 20 MB
//! of lines. A search for literal text is ten times as fast. So this module does two things. It
//! determines a literal that every match contains, which is searched first. It splits `a.*b` into
//! `a` and `b`, because each of these parts is a literal.

use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Dot, Hir, HirKind, Look,
    Repetition,
};

/// Minimum length of a literal that is searched first. Shorter literals occur in nearly every line.
const GATE_AT_LEAST: usize = 3;

/// Converts an expression for one line to an expression for many lines at once. No part of it
/// matches a line end, and `^` and `$` match at the ends of each line. `key=value`, as the screen
/// shows a field, also matches `"key":"value"`, as the file has it.
pub(super) fn within_a_line(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => literal_within_a_line(&literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(Look::Start) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End) => Hir::look(Look::EndLF),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(it) => {
            Hir::repetition(Repetition { sub: Box::new(within_a_line(*it.sub)), ..it })
        }
        HirKind::Capture(it) => within_a_line(*it.sub),
        HirKind::Concat(all) => Hir::concat(all.into_iter().map(within_a_line).collect()),
        HirKind::Alternation(all) => Hir::alternation(all.into_iter().map(within_a_line).collect()),
    }
}

fn literal_within_a_line(bytes: &[u8]) -> Hir {
    if bytes.contains(&b'\n') {
        return Hir::fail();
    }
    let mut parts = Vec::new();
    for (i, part) in bytes.split(|byte| *byte == b'=').enumerate() {
        if i > 0 {
            let ways = [&b"="[..], b"\":\"", b"\":"].map(Hir::literal);
            parts.push(Hir::alternation(ways.into()));
        }
        parts.push(Hir::literal(part));
    }
    Hir::concat(parts)
}

/// The longest literal that every match contains, ignoring case if the expression ignores case.
/// `None` if there is no such literal, or if the expression is only a literal or begins with one.
/// The search for such an expression is fast anyway.
pub(super) fn gate(hir: &Hir) -> Option<Hir> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let mut runs = parts.chunk_by(|a, b| length(a) > 0 && length(b) > 0);
    let letters = |run: &&[Hir]| run.iter().map(length).sum::<usize>();
    let first = runs.next().filter(|run| letters(run) < GATE_AT_LEAST)?;
    let longest = runs.chain([first]).max_by_key(letters)?;
    (letters(&longest) >= GATE_AT_LEAST).then(|| Hir::concat(longest.to_vec()))
}

/// Number of characters of an expression that is a literal, or a letter in any case. Zero for any
/// other expression.
fn length(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => {
            // A letter in any case has at most three variants. `k` has three variants, because the
            // Kelvin sign is a variant of `k`.
            let members: usize = class.iter().map(ClassUnicodeRange::len).sum();
            usize::from(members <= 3)
        }
        _ => 0,
    }
}

/// Splits an expression at each `.*`. A line matches the expression if the line contains all parts
/// in this order.
pub(super) fn pieces(hir: Hir) -> Vec<Hir> {
    let anything = |part: &Hir| match part.kind() {
        HirKind::Repetition(it) => {
            it.min == 0 && it.max.is_none() && *it.sub == Hir::dot(Dot::AnyCharExceptLF)
        }
        _ => false,
    };
    let HirKind::Concat(parts) = hir.kind() else { return vec![hir] };
    let mut pieces: Vec<Hir> = parts
        .split(anything)
        .filter(|piece| !piece.is_empty())
        .map(|piece| Hir::concat(piece.to_vec()))
        .collect();
    // Every line has a beginning, so `^.*` requires nothing.
    if pieces.len() > 1 && pieces[0] == Hir::look(Look::StartLF) {
        pieces.remove(0);
    }
    if pieces.is_empty() { vec![hir] } else { pieces }
}

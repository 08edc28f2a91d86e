//! Classic BPF programs, written in lines with labels and put together into instructions (`bpf(4)`).
//!
//! In: [`Line`]s. Out: [`Instruction`]s as the kernel takes them, jumps counted in instructions.

/// `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub operand: u32,
}

// The operations that are used. Loads are big endian.
pub(super) const LOAD_BYTE: u16 = 0x30;
pub(super) const LOAD_BYTE_X: u16 = 0x50;
pub(super) const LOAD_HALF_X: u16 = 0x48;
pub(super) const LOAD_LENGTH: u16 = 0x80;
pub(super) const LOAD_MEMORY: u16 = 0x60;
pub(super) const STORE: u16 = 0x02;
pub(super) const ADD: u16 = 0x04;
pub(super) const ADD_X: u16 = 0x0c;
pub(super) const AND: u16 = 0x54;
pub(super) const SHIFT_LEFT: u16 = 0x64;
pub(super) const SHIFT_RIGHT: u16 = 0x74;
pub(super) const TO_X: u16 = 0x07;
pub(super) const FROM_X: u16 = 0x87;
pub(super) const IF_EQUAL: u16 = 0x15;
pub(super) const IF_ANY_BIT: u16 = 0x45;
pub(super) const IF_GREATER_X: u16 = 0x2d;
pub(super) const GO: u16 = 0x05;
pub(super) const RETURN: u16 = 0x06;
pub(super) const RETURN_A: u16 = 0x16;

/// Places in the program. The next instruction, where none is named.
pub(super) type Label = Option<&'static str>;

/// One line of a program.
pub(super) enum Line {
    /// Operation, operand.
    Do(u16, u32),
    /// Condition, operand, where to if it holds, where to if not.
    Test(u16, u32, Label, Label),
    Go(&'static str),
    Label(&'static str),
}

/// Labels become distances. They fit eight bits: the program is shorter than that.
pub(super) fn assemble(lines: &[Line]) -> Vec<Instruction> {
    let is_code = |line: &&Line| !matches!(line, Line::Label(_));
    let place = |label: &str| {
        let at = lines.iter().position(|line| matches!(line, Line::Label(name) if *name == label));
        lines[..at.unwrap_or(lines.len())].iter().filter(is_code).count()
    };
    let mut program = Vec::with_capacity(lines.len());
    for line in lines.iter().filter(is_code) {
        let behind = program.len() + 1;
        let distance =
            |label: &Label| label.map_or(0, |label| u8::try_from(place(label) - behind).unwrap_or(u8::MAX));
        program.push(match line {
            Line::Do(code, operand) => step(*code, *operand, 0, 0),
            Line::Test(code, operand, yes, no) => step(*code, *operand, distance(yes), distance(no)),
            Line::Go(label) => step(GO, u32::from(distance(&Some(label))), 0, 0),
            Line::Label(_) => continue,
        });
    }
    program
}

const fn step(code: u16, operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

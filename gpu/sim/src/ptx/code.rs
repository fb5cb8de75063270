//! What a text says, in the form in which it is run.

use std::sync::atomic::Ordering;

/// A kernel, or a function that kernels call.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) is_kernel: bool,
    /// Of a kernel: what it is launched with.
    pub(super) parameters: Vec<Parameter>,
    /// Of a function: the registers that its callers fill.
    pub(super) arguments: Vec<Register>,
    /// Of a function: the register that its callers get.
    pub(super) result: Option<Register>,
    /// The registers, numbered in the order in which they were declared.
    pub(super) registers: Vec<Size>,
    pub(super) code: Vec<Instruction>,
}

/// A parameter of a kernel.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) size: Size,
}

/// A register's number in its function.
pub(super) type Register = usize;

/// How large a register is, and the values of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Predicate,
    Half,
    Word,
}

impl Size {
    /// Bytes in memory.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Predicate => 1,
            Self::Half => 4,
            Self::Word => 8,
        }
    }

    /// The bits that there are.
    pub(super) const fn cut(self, value: u64) -> u64 {
        match self {
            Self::Predicate => value & 1,
            Self::Half => value & 0xffff_ffff,
            Self::Word => value,
        }
    }

    /// How many these are.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::Predicate => 1,
            Self::Half => 32,
            Self::Word => 64,
        }
    }
}

/// An instruction, and the line that it is from.
#[derive(Debug)]
pub(super) struct Instruction {
    pub(super) line: u32,
    /// The predicate without which it is passed over, and what that has to be.
    pub(super) guard: Option<(Register, bool)>,
    pub(super) operation: Operation,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Register(Register),
    Number(u64),
    Special(Special),
}

/// What a thread knows of itself, in the direction x, y or z.
#[derive(Debug, Clone, Copy)]
pub(super) enum Special {
    /// `%tid`
    Thread(usize),
    /// `%ntid`
    Threads(usize),
    /// `%ctaid`
    Block(usize),
    /// `%nctaid`
    Blocks(usize),
    /// `%globaltimer`
    Timer,
}

/// A place in memory: a value, and a distance from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) base: Value,
    pub(super) distance: u64,
}

/// What an instruction does.
#[derive(Debug)]
pub(super) enum Operation {
    Move {
        to: Register,
        value: Value,
    },
    Compute {
        by: Compute,
        size: Size,
        to: Register,
        values: [Value; 2],
    },
    /// `mad.lo`: the product of the first two, and the third.
    MultiplyAdd {
        size: Size,
        to: Register,
        values: [Value; 3],
    },
    /// `cvt`, `mul.wide` without its product: cuts or extends.
    Convert {
        size: Size,
        to: Register,
        value: Value,
    },
    Compare {
        by: Compare,
        to: Register,
        values: [Value; 2],
        also: Option<(Combine, Register)>,
    },
    Select {
        to: Register,
        values: [Value; 2],
        if_so: Register,
    },
    Argument {
        to: Register,
        number: usize,
    },
    Load {
        size: Size,
        order: Ordering,
        to: Register,
        at: Place,
    },
    Store {
        size: Size,
        order: Ordering,
        at: Place,
        value: Value,
    },
    Atomic(Box<Atomic>),
    Fence(Ordering),
    Sleep {
        nanoseconds: Value,
    },
    Branch {
        target: usize,
    },
    Call {
        function: usize,
        arguments: Vec<Value>,
        to: Option<Register>,
    },
    Return,
    Exit,
}

/// What `atom` and `red` do.
#[derive(Debug)]
pub(super) struct Atomic {
    pub(super) by: Change,
    pub(super) size: Size,
    pub(super) order: Ordering,
    /// Where what was there goes.
    pub(super) to: Option<Register>,
    pub(super) at: Place,
    /// One value; for a comparison what is expected, and what takes its place.
    pub(super) values: [Value; 2],
}

/// What is computed of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compute {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Least,
    Most,
    And,
    Or,
    Xor,
    Left,
    Right,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a comparison is combined with a predicate by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Combine {
    And,
    Or,
    Xor,
}

/// How an atomic instruction changes a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Exchange,
    CompareExchange,
    By(Compute),
}

//! From an opcode and its operands to what is done.

use std::sync::atomic::Ordering;

use super::code::{
    Atomic, Change, Combine, Compare, Compute, Function, Operation, Place, Register, Size, Special,
    Value,
};
use super::error::Complaint;
use super::parse::{Names, number};

/// An operand, as it is written.
#[derive(Debug)]
pub(super) enum Operand<'t> {
    Word(&'t str),
    Place { base: &'t str, distance: u64 },
    Words(Vec<&'t str>),
}

/// What an instruction does.
pub(super) fn operation(
    opcode: &str,
    operands: &[Operand<'_>],
    names: &mut Names<'_>,
) -> Result<Operation, Complaint> {
    let parts: Vec<&str> = opcode.split('.').collect();
    if let ["bra"] | ["bra", "uni"] = parts[..] {
        names.branch(word(operands, 0)?);
        // Filled in when all labels are known.
        return Ok(Operation::Branch { target: usize::MAX });
    }
    let read = Read { names, operands };
    let (last, first) = parts.split_last().unwrap_or((&"", &[]));
    let known = match Type::of(last) {
        Some(of) if first.contains(&"global") => memory(first, of, &read)?,
        Some(of) => match computation(first, of) {
            Some(by) => Some(read.computation(by, of.size)?),
            None => plain(first, of, &read)?,
        },
        None => control(&parts, &read)?,
    };
    known.ok_or_else(|| Complaint::Unknown(opcode.into()))
}

/// The type at the end of an opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Type {
    size: Size,
    is_number: bool,
}

impl Type {
    fn of(part: &str) -> Option<Self> {
        let (size, is_number) = match part {
            "u32" => (Size::Half, true),
            "u64" => (Size::Word, true),
            "b32" => (Size::Half, false),
            "b64" => (Size::Word, false),
            _ => return None,
        };
        Some(Self { size, is_number })
    }
}

/// What is computed of two values, for the types that it is there for.
fn computation(parts: &[&str], of: Type) -> Option<Compute> {
    let (by, of_numbers) = match *parts {
        ["add"] => (Compute::Add, true),
        ["sub"] => (Compute::Subtract, true),
        ["mul", "lo"] => (Compute::Multiply, true),
        ["div"] => (Compute::Divide, true),
        ["rem"] => (Compute::Remainder, true),
        ["min"] => (Compute::Least, true),
        ["max"] => (Compute::Most, true),
        ["and"] => (Compute::And, false),
        ["or"] => (Compute::Or, false),
        ["xor"] => (Compute::Xor, false),
        ["shl"] => (Compute::Left, false),
        ["shr"] => (Compute::Right, of.is_number),
        _ => return None,
    };
    (of_numbers == of.is_number).then_some(by)
}

/// Other instructions of registers and parameters.
fn plain(parts: &[&str], of: Type, read: &Read<'_, '_>) -> Result<Option<Operation>, Complaint> {
    let size = of.size;
    Ok(Some(match *parts {
        ["mov"] => Operation::Move { to: read.register(0, size)?, value: read.value(1, size)? },
        ["mul", "wide"] if size == Size::Half && of.is_number => Operation::Compute {
            by: Compute::Multiply,
            size: Size::Word,
            to: read.register(0, Size::Word)?,
            values: [read.value(1, size)?, read.value(2, size)?],
        },
        ["mad", "lo"] if of.is_number => Operation::MultiplyAdd {
            size,
            to: read.register(0, size)?,
            values: [read.value(1, size)?, read.value(2, size)?, read.value(3, size)?],
        },
        ["cvt", to] if of.is_number => match Type::of(to).filter(|to| to.is_number) {
            Some(Type { size: to, .. }) => Operation::Convert {
                size: to,
                to: read.register(0, to)?,
                value: read.value(1, size)?,
            },
            None => return Ok(None),
        },
        ["setp", by] => return read.comparison(by, None, size),
        ["setp", by, with] => return read.comparison(by, Some(with), size),
        ["selp"] => Operation::Select {
            to: read.register(0, size)?,
            values: [read.value(1, size)?, read.value(2, size)?],
            if_so: read.register(3, Size::Predicate)?,
        },
        ["ld", "param"] => {
            let (name, distance) = read.place_of_parameter(1)?;
            if distance != 0 {
                return Err(Complaint::Unknown(format!("[{name}+{distance}]")));
            }
            let number = read.names.parameter(name, size)?;
            Operation::Argument { to: read.register(0, size)?, number }
        }
        ["nanosleep"] if size == Size::Half && of.is_number => {
            Operation::Sleep { nanoseconds: read.value(0, size)? }
        }
        _ => return Ok(None),
    }))
}

/// Instructions of the memory that all threads share.
fn memory(parts: &[&str], of: Type, read: &Read<'_, '_>) -> Result<Option<Operation>, Complaint> {
    let size = of.size;
    Ok(Some(match *parts {
        ["ld", ref how @ .., "global"] => match order(how) {
            Some(order @ (Ordering::Relaxed | Ordering::Acquire)) => {
                Operation::Load { size, order, to: read.register(0, size)?, at: read.place(1)? }
            }
            _ => return Ok(None),
        },
        ["st", ref how @ .., "global"] => match order(how) {
            Some(order @ (Ordering::Relaxed | Ordering::Release)) => {
                Operation::Store { size, order, at: read.place(0)?, value: read.value(1, size)? }
            }
            _ => return Ok(None),
        },
        [name @ ("atom" | "red"), ref how @ .., "global", by] => {
            let returns = name == "atom";
            match (order(how), change(by, of)) {
                (Some(order), Some(by)) => read.atomic(by, (size, order), returns)?,
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    }))
}

/// Instructions without a type.
fn control(parts: &[&str], read: &Read<'_, '_>) -> Result<Option<Operation>, Complaint> {
    Ok(Some(match *parts {
        ["ret"] => Operation::Return,
        ["exit"] => Operation::Exit,
        ["fence", how, scope] => match order(&[how, scope]) {
            Some(Ordering::AcqRel) => Operation::Fence(Ordering::AcqRel),
            _ => return Ok(None),
        },
        ["call"] | ["call", "uni"] => read.call()?,
        _ => return Ok(None),
    }))
}

/// The order of an access, of its scope: threads of the processor keep to the widest.
fn order(parts: &[&str]) -> Option<Ordering> {
    let order = match *parts {
        [] => return Some(Ordering::Relaxed),
        ["relaxed", _] => Ordering::Relaxed,
        ["acquire", _] => Ordering::Acquire,
        ["release", _] => Ordering::Release,
        ["acq_rel", _] => Ordering::AcqRel,
        _ => return None,
    };
    matches!(parts.last(), Some(&("cta" | "gpu" | "sys"))).then_some(order)
}

fn change(by: &str, of: Type) -> Option<Change> {
    let (change, of_numbers) = match by {
        "exch" => (Change::Exchange, false),
        "cas" => (Change::CompareExchange, false),
        "and" => (Change::By(Compute::And), false),
        "or" => (Change::By(Compute::Or), false),
        "xor" => (Change::By(Compute::Xor), false),
        "add" => (Change::By(Compute::Add), true),
        "min" => (Change::By(Compute::Least), true),
        "max" => (Change::By(Compute::Most), true),
        _ => return None,
    };
    (of_numbers == of.is_number).then_some(change)
}

fn comparison(by: &str) -> Option<Compare> {
    Some(match by {
        "eq" => Compare::Equal,
        "ne" => Compare::Different,
        "lt" => Compare::Less,
        "le" => Compare::LessOrEqual,
        "gt" => Compare::Greater,
        "ge" => Compare::GreaterOrEqual,
        _ => return None,
    })
}

fn combination(with: &str) -> Option<Combine> {
    Some(match with {
        "and" => Combine::And,
        "or" => Combine::Or,
        "xor" => Combine::Xor,
        _ => return None,
    })
}

fn special(name: &str) -> Option<(Special, Size)> {
    if name == "%globaltimer" {
        return Some((Special::Timer, Size::Word));
    }
    let (name, direction) = name.split_once('.')?;
    let direction = ["x", "y", "z"].iter().position(|it| *it == direction)?;
    let special = match name {
        "%tid" => Special::Thread(direction),
        "%ntid" => Special::Threads(direction),
        "%ctaid" => Special::Block(direction),
        "%nctaid" => Special::Blocks(direction),
        _ => return None,
    };
    Some((special, Size::Half))
}

fn missing(wanted: &'static str, found: Option<&Operand<'_>>) -> Complaint {
    let found = found.map(|operand| format!("{operand:?}")).unwrap_or_default();
    Complaint::Expected { wanted, found }
}

fn word<'t>(operands: &[Operand<'t>], index: usize) -> Result<&'t str, Complaint> {
    match operands.get(index) {
        Some(Operand::Word(word)) => Ok(word),
        other => Err(missing("a name or a number", other)),
    }
}

/// Operands, and what their names mean.
struct Read<'r, 't> {
    names: &'r Names<'r>,
    operands: &'r [Operand<'t>],
}

impl Read<'_, '_> {
    fn register(&self, index: usize, size: Size) -> Result<Register, Complaint> {
        self.names.register(word(self.operands, index)?, size)
    }

    fn value(&self, index: usize, size: Size) -> Result<Value, Complaint> {
        self.value_of(word(self.operands, index)?, size)
    }

    fn value_of(&self, word: &str, size: Size) -> Result<Value, Complaint> {
        if let Some(number) = number(word) {
            return match size.cut(number) == number {
                true => Ok(Value::Number(number)),
                false => Err(Complaint::Size(word.into())),
            };
        }
        match special(word) {
            Some((special, found)) if found == size => Ok(Value::Special(special)),
            Some(_) => Err(Complaint::Size(word.into())),
            None => self.names.register(word, size).map(Value::Register),
        }
    }

    fn place_of_parameter(&self, index: usize) -> Result<(&str, u64), Complaint> {
        match self.operands.get(index) {
            Some(Operand::Place { base, distance }) => Ok((base, *distance)),
            other => Err(missing("a place in brackets", other)),
        }
    }

    fn place(&self, index: usize) -> Result<Place, Complaint> {
        let (base, distance) = self.place_of_parameter(index)?;
        Ok(Place { base: self.value_of(base, Size::Word)?, distance })
    }

    fn computation(&self, by: Compute, size: Size) -> Result<Operation, Complaint> {
        // How far to shift is 32 bits wide.
        let second = if matches!(by, Compute::Left | Compute::Right) { Size::Half } else { size };
        let values = [self.value(1, size)?, self.value(2, second)?];
        Ok(Operation::Compute { by, size, to: self.register(0, size)?, values })
    }

    fn comparison(
        &self,
        by: &str,
        with: Option<&str>,
        size: Size,
    ) -> Result<Option<Operation>, Complaint> {
        let Some(by) = comparison(by) else { return Ok(None) };
        let also = match with.map(combination) {
            None => None,
            Some(None) => return Ok(None),
            Some(Some(with)) => Some((with, self.register(3, Size::Predicate)?)),
        };
        let values = [self.value(1, size)?, self.value(2, size)?];
        let to = self.register(0, Size::Predicate)?;
        Ok(Some(Operation::Compare { by, to, values, also }))
    }

    fn atomic(
        &self,
        by: Change,
        (size, order): (Size, Ordering),
        returns: bool,
    ) -> Result<Operation, Complaint> {
        let to = if returns { Some(self.register(0, size)?) } else { None };
        let at = usize::from(returns);
        let first = self.value(at + 1, size)?;
        let second = match by {
            Change::CompareExchange => self.value(at + 2, size)?,
            _ => Value::Number(0),
        };
        let (at, values) = (self.place(at)?, [first, second]);
        Ok(Operation::Atomic(Box::new(Atomic { by, size, order, to, at, values })))
    }

    /// `f`, `f, (values)` or `(result), f, (values)`.
    fn call(&self) -> Result<Operation, Complaint> {
        let (results, name, values) = match self.operands {
            [Operand::Word(name)] => (&[][..], *name, &[][..]),
            [Operand::Word(name), Operand::Words(values)] => (&[][..], *name, &values[..]),
            [Operand::Words(results), Operand::Word(name)] => (&results[..], *name, &[][..]),
            [Operand::Words(results), Operand::Word(name), Operand::Words(values)] => {
                (&results[..], *name, &values[..])
            }
            other => return Err(missing("a function and its values", other.first())),
        };
        let (function, callee) = self.names.callee(name)?;
        let arguments = self.passed(callee, values)?;
        let to = match (results, callee.result.and_then(|result| callee.registers.get(result))) {
            ([], None) => None,
            ([result], Some(size)) => Some(self.names.register(result, *size)?),
            _ => return Err(Complaint::Values(name.into())),
        };
        Ok(Operation::Call { function, arguments, to })
    }

    fn passed(&self, callee: &Function, values: &[&str]) -> Result<Vec<Value>, Complaint> {
        if values.len() != callee.arguments.len() {
            return Err(Complaint::Values(callee.name.clone()));
        }
        let sizes = callee.arguments.iter().filter_map(|argument| callee.registers.get(*argument));
        values.iter().zip(sizes).map(|(value, size)| self.value_of(value, *size)).collect()
    }
}
